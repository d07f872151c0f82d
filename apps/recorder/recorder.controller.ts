import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Intake, metadataOf, type Taken, type Understood } from '#apps/composition/intake';
import { CustomerIdentity } from '#application/customer-identity';
import { Clock } from '#application/ports/clock';
import { MessageProducer, type MessageBatch, type ReceivedMessage } from '#application/ports/message-queue';
import { Telemetry } from '#application/ports/telemetry';
import { RecordChanges } from '#application/record-changes';
import { RecordFacts, type FactCommand } from '#application/record-facts';
import { templateStream } from '#application/streams';
import { topicName } from '#contracts/topics';
import type { Report } from '#domain/gate/record';
import { accountChange } from './account-change.js';

const SOURCE = '/tidegate/recorder';

type InboundFact = Exclude<Understood<'inbound-messages'>, { readonly type: 'identity' }>;
type FactMessage = InboundFact | Understood<'consents'>;

const isFact = (
  taken: Taken<'inbound-messages'>,
): taken is Taken<'inbound-messages'> & { readonly parsed: InboundFact } => taken.parsed.type !== 'identity';

/** Records what came in: facts about customers, templates and accounts. */
@Controller()
export class RecorderController {
  constructor(
    @Inject(RecordFacts) private readonly facts: RecordFacts,
    @Inject(RecordChanges) private readonly changes: RecordChanges,
    @Inject(CustomerIdentity) private readonly identity: CustomerIdentity,
    @Inject(MessageProducer) private readonly producer: MessageProducer,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Telemetry) private readonly telemetry: Telemetry,
  ) {}

  @EventPattern(topicName('inbound-messages'))
  async inboundMessages(@Payload() batch: MessageBatch): Promise<void> {
    const intake = this.#intake();
    const all = intake.take('inbound-messages', batch);
    const taken = all.filter(isFact);
    for (const { message } of all.filter((other) => !isFact(other))) {
      const remedy = 'Keep it until customers can be linked, then send it again.';
      intake.reject(message, { code: 'not-found', field: 'type', message: 'Identities are not recorded yet.', remedy });
    }
    await this.#record(
      intake,
      taken,
      taken.map(({ parsed, message }) => {
        const { data } = parsed;
        const base = {
          provider: data.provider,
          sender: data.sender,
          claimedAt: data.at,
          receivedAt: data.receivedAt ?? message.at,
        };
        const report: Report =
          parsed.type === 'call'
            ? { kind: 'call', ...base, callId: parsed.data.callId, outcome: parsed.data.outcome }
            : {
                kind: 'message',
                ...base,
                messageId: parsed.data.messageId,
                messageType: parsed.data.messageType,
                origin: parsed.data.origin,
                personal: {
                  from: data.customer.phone ?? data.customer.userId,
                  name: parsed.data.profileName,
                  text: parsed.data.text,
                },
              };
        return this.#command(parsed, report);
      }),
    );
  }

  @EventPattern(topicName('consents'))
  async consents(@Payload() batch: MessageBatch): Promise<void> {
    const intake = this.#intake();
    const taken = intake.take('consents', batch);
    await this.#record(
      intake,
      taken,
      taken.map(({ parsed, message }) => {
        const { scope, status, source, reference, at } = parsed.data;
        const said = status === 'in' ? 'opted-in' : 'opted-out';
        return this.#command(parsed, {
          kind: 'consent',
          scope,
          status: said,
          source,
          reference,
          claimedAt: at,
          receivedAt: message.at,
        });
      }),
    );
  }

  @EventPattern(topicName('template-approvals'))
  async templateApprovals(@Payload() batch: MessageBatch): Promise<void> {
    const intake = this.#intake();
    const taken = intake.take('template-approvals', batch);
    const unknown = taken.filter(({ parsed }) => parsed.data.event.type === 'TemplateNoticeUnrecognised').length;
    if (unknown > 0) this.telemetry.alarmed('unknown-template-event', unknown);
    await this.changes.run(
      taken.map(({ parsed: { data, envelope } }) => ({
        stream: templateStream(data.account, data.name, data.language),
        event: () => data.event,
        metadata: metadataOf(envelope),
      })),
    );
    await intake.finish(this.producer);
  }

  @EventPattern(topicName('accounts'))
  async accounts(@Payload() batch: MessageBatch): Promise<void> {
    const intake = this.#intake();
    await this.changes.run(
      intake.take('accounts', batch).map(({ parsed, message }) => accountChange(parsed, message.at)),
    );
    await intake.finish(this.producer);
  }

  #intake(): Intake {
    return new Intake(SOURCE, this.clock, this.telemetry);
  }

  #command({ data, envelope }: FactMessage, report: Report): FactCommand {
    const { account } = data;
    return {
      account,
      customer: this.identity.customerOf(account, data.customer),
      metadata: metadataOf(envelope),
      report,
    };
  }

  async #record(
    intake: Intake,
    taken: readonly { readonly message: ReceivedMessage; readonly parsed: FactMessage }[],
    commands: readonly FactCommand[],
  ): Promise<void> {
    const answers = await this.facts.run(commands);
    taken.forEach(({ message, parsed }, index) => {
      const answer = answers[index];
      if (answer?.kind === 'recorded') for (const alarm of answer.alarms) this.telemetry.alarmed(alarm, 1);
      if (answer?.kind === 'quarantined') {
        const remedy = 'Send the time at which the provider says it happened.';
        intake.reject(message, {
          code: 'message-invalid',
          field: answer.field,
          message: 'The time is absurd.',
          remedy,
        });
      }
      if (answer?.kind === 'unknown-account') {
        const remedy = `Register account ${parsed.data.account} on the accounts topic, then send the message again.`;
        intake.reject(message, {
          code: 'account-unknown',
          field: 'account',
          message: 'The account is unknown.',
          remedy,
        });
      }
    });
    await intake.finish(this.producer);
  }
}
