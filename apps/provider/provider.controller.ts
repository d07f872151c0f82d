import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Intake, metadataOf, type Taken, type Understood } from '#apps/composition/intake';
import { CustomerIdentity } from '#application/customer-identity';
import { Clock } from '#application/ports/clock';
import { MessageProducer, type MessageBatch } from '#application/ports/message-queue';
import { Telemetry } from '#application/ports/telemetry';
import { gathered } from '#application/gathered';
import { RecordReports, type DeliveryAnswer, type DeliveryCommand } from '#application/record-reports';
import { SettleOutcomes } from '#application/settle-outcomes';
import { SendMessages } from '#application/send-messages';
import { topicName } from '#contracts/topics';
import { reportedFailure } from './failures.js';

const SOURCE = '/tidegate/provider';
/** Reports of several partitions that are recorded together: each brings a few at a time. */
const REPORTS_AT_ONCE = 1_000;

type Reported = Understood<'delivery-reports'>;
type TakenAs<Type extends Reported['type']> = Taken<'delivery-reports'> & {
  readonly parsed: Extract<Reported, { readonly type: Type }>;
};
const isReport = (taken: Taken<'delivery-reports'>): taken is TakenAs<'report'> => taken.parsed.type === 'report';
const isSettlement = (taken: Taken<'delivery-reports'>): taken is TakenAs<'settlement'> =>
  taken.parsed.type === 'settlement';

/** Acts on send commands, and records what the provider reports of them later. */
@Controller()
export class ProviderController {
  readonly #reports: (commands: readonly DeliveryCommand[]) => Promise<readonly DeliveryAnswer[]>;

  constructor(
    @Inject(SendMessages) private readonly messages: SendMessages,
    @Inject(RecordReports) reports: RecordReports,
    @Inject(SettleOutcomes) private readonly settlements: SettleOutcomes,
    @Inject(CustomerIdentity) private readonly identity: CustomerIdentity,
    @Inject(MessageProducer) private readonly producer: MessageProducer,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Telemetry) private readonly telemetry: Telemetry,
  ) {
    this.#reports = gathered((commands) => reports.run(commands), REPORTS_AT_ONCE);
  }

  @EventPattern(topicName('send-commands'))
  async sendCommands(@Payload() batch: MessageBatch): Promise<void> {
    const intake = this.#intake();
    await this.messages.run(intake.take('send-commands', batch).map(({ parsed }) => parsed.data));
    await intake.finish(this.producer);
  }

  @EventPattern(topicName('delivery-reports'))
  async deliveryReports(@Payload() batch: MessageBatch): Promise<void> {
    const intake = this.#intake();
    const taken = intake.take('delivery-reports', batch);
    await this.#report(intake, taken.filter(isReport));
    await this.#settle(intake, taken.filter(isSettlement));
    await intake.finish(this.producer);
  }

  async #report(intake: Intake, taken: readonly TakenAs<'report'>[]): Promise<void> {
    const answers = await this.#reports(
      taken.map(({ parsed: { data, envelope } }) => {
        const { account, correlation, sender, customer, status, at, providerMessageId } = data;
        return {
          account,
          correlation,
          sender,
          customer: customer === undefined ? undefined : this.identity.customerOf(account, customer),
          delivery: { status, at, providerMessageId, failure: reportedFailure(data) },
          metadata: metadataOf(envelope),
        };
      }),
    );
    taken.forEach(({ message }, index) => {
      if (answers[index] === 'unmatched') {
        const remedy = 'Send the correlation that came with the call, or a message id that the provider gave for it.';
        intake.reject(message, {
          code: 'not-found',
          field: 'correlation',
          message: 'No intent is known by it.',
          remedy,
        });
      }
      if (answers[index] === 'quarantined') {
        const remedy = 'Send the time at which the provider says it happened.';
        intake.reject(message, { code: 'message-invalid', field: 'at', message: 'The time is absurd.', remedy });
      }
    });
  }

  async #settle(intake: Intake, taken: readonly TakenAs<'settlement'>[]): Promise<void> {
    const answers = await this.settlements.run(
      taken.map(({ parsed: { data, envelope } }) => {
        const { account, customer, intentId, settlement } = data;
        const id = typeof customer === 'string' ? customer : this.identity.customerOf(account, customer);
        return { account, customer: id, intentId, settlement, metadata: metadataOf(envelope) };
      }),
    );
    taken.forEach(({ message }, index) => {
      if (answers[index] !== 'not-unknown') return;
      const remedy = 'Wait until the outcome is unknown; what the provider says settles it by itself.';
      const fault = 'The outcome of the intent is not unknown.';
      intake.reject(message, { code: 'outcome-not-unknown', field: 'intentId', message: fault, remedy });
    });
  }

  #intake(): Intake {
    return new Intake(SOURCE, this.clock, this.telemetry);
  }
}
