import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Intake, metadataOf, type Taken, type Understood } from '#apps/composition/intake';
import { CustomerIdentity } from '#application/customer-identity';
import { Clock } from '#application/ports/clock';
import { MessageProducer, type MessageBatch, type ReceivedMessage } from '#application/ports/message-queue';
import { Telemetry } from '#application/ports/telemetry';
import { LinkCustomers } from '#application/link-customers';
import { RecordChanges } from '#application/record-changes';
import { RecordFacts, type FactCommand } from '#application/record-facts';
import { templateStream } from '#application/streams';
import type { CustomerAliases } from '#contracts/inbound/customer';
import type { Reason } from '#contracts/outbound/dead-letters';
import { topicName } from '#contracts/topics';
import type { Report } from '#domain/gate/record';
import { accountChange } from './account-change.js';

const SOURCE = '/tidegate/recorder';

type Identity = Extract<Understood<'inbound-messages'>, { readonly type: 'identity' }>;
type InboundFact = Exclude<Understood<'inbound-messages'>, Identity>;
type FactMessage = InboundFact | Understood<'consents'>;
interface Told<Parsed> {
  readonly message: ReceivedMessage;
  readonly parsed: Parsed;
}

const isIdentity = (taken: Taken<'inbound-messages'>): taken is Told<Identity> => taken.parsed.type === 'identity';
const isFact = (taken: Taken<'inbound-messages'>): taken is Told<InboundFact> => taken.parsed.type !== 'identity';

/** In their order, split before and after each change of a number: what was said by it before is not what was said after. */
const runsOf = (all: readonly Taken<'inbound-messages'>[]): readonly (readonly Taken<'inbound-messages'>[])[] => {
  const isChange = (taken: Taken<'inbound-messages'> | undefined): boolean =>
    taken !== undefined && isIdentity(taken) && taken.parsed.data.relation === 'changed';
  const runs: Taken<'inbound-messages'>[][] = [];
  for (const taken of all) {
    const run = runs.at(-1);
    if (run === undefined || isChange(taken) || isChange(run[0])) runs.push([taken]);
    else run.push(taken);
  }
  return runs;
};

/** Records what came in: facts about customers, templates and accounts. */
@Controller()
export class RecorderController {
  constructor(
    @Inject(RecordFacts) private readonly facts: RecordFacts,
    @Inject(LinkCustomers) private readonly links: LinkCustomers,
    @Inject(RecordChanges) private readonly changes: RecordChanges,
    @Inject(CustomerIdentity) private readonly identity: CustomerIdentity,
    @Inject(MessageProducer) private readonly producer: MessageProducer,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Telemetry) private readonly telemetry: Telemetry,
  ) {}

  @EventPattern(topicName('inbound-messages'))
  async inboundMessages(@Payload() batch: MessageBatch): Promise<void> {
    const intake = this.#intake();
    for (const run of runsOf(intake.take('inbound-messages', batch))) {
      await this.#inbound(intake, run.filter(isFact));
      await this.#link(intake, run.filter(isIdentity));
    }
    await intake.finish(this.producer);
  }

  async #inbound(intake: Intake, taken: readonly Told<InboundFact>[]): Promise<void> {
    if (taken.length === 0) return;
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
    await intake.finish(this.producer);
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

  async #link(intake: Intake, taken: readonly Told<Identity>[]): Promise<void> {
    if (taken.length === 0) return;
    const answers = await this.links.run(
      taken.map(({ parsed: { data, envelope }, message }) => ({
        account: data.account,
        customer: this.#idsOf(data.account, data.customer),
        other: this.#idsOf(data.account, data.other),
        relation: data.relation,
        claimedAt: data.at,
        receivedAt: data.receivedAt ?? message.at,
        because: `${data.provider}/${data.reference}`,
        metadata: metadataOf(envelope),
      })),
    );
    taken.forEach(({ message, parsed }, index) => {
      const answer = answers[index];
      if (answer === 'quarantined') intake.reject(message, absurdTime('at'));
      if (answer === 'unknown-account') intake.reject(message, unknownAccount(parsed.data.account));
      if (answer === 'given-up') intake.reject(message, givenUp('other'));
      if (answer === 'too-large') {
        const remedy = 'Wait until messages of the customer are delivered, or cancel some; then send it again.';
        const said = 'What is open of the customer is too much to be taken over at once.';
        intake.reject(message, { code: 'event-too-large', field: 'other', message: said, remedy });
      }
    });
  }

  /** One for each alias that is named. */
  #idsOf(account: string, { phone, userId }: CustomerAliases): readonly [string, ...string[]] {
    const ids = [...(phone === undefined ? [] : [{ phone }]), ...(userId === undefined ? [] : [{ userId }])].map(
      (alias) => this.identity.customerOf(account, alias),
    );
    const [first = this.identity.customerOf(account, { phone, userId }), ...others] = ids;
    return [first, ...others];
  }

  async #record(intake: Intake, taken: readonly Told<FactMessage>[], commands: readonly FactCommand[]): Promise<void> {
    const answers = await this.facts.run(commands);
    taken.forEach(({ message, parsed }, index) => {
      const answer = answers[index];
      if (answer?.kind === 'recorded') for (const alarm of answer.alarms) this.telemetry.alarmed(alarm, 1);
      if (answer?.kind === 'quarantined') intake.reject(message, absurdTime(answer.field));
      if (answer?.kind === 'unknown-account') intake.reject(message, unknownAccount(parsed.data.account));
      if (answer?.kind === 'given-up') intake.reject(message, givenUp('customer'));
    });
  }
}

const absurdTime = (field: string): Reason => ({
  code: 'message-invalid',
  field,
  message: 'The time is absurd.',
  remedy: 'Send the time at which the provider says it happened.',
});

const unknownAccount = (account: string): Reason => ({
  code: 'account-unknown',
  field: 'account',
  message: 'The account is unknown.',
  remedy: `Register account ${account} on the accounts topic, then send the message again.`,
});

const givenUp = (field: string): Reason => ({
  code: 'not-found',
  field,
  message: 'The customer gave this alias up, and nobody knows who has it now.',
  remedy: 'Send it under an alias that the customer uses now.',
});
