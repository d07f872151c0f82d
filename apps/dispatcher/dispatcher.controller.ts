import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Intake, metadataOf } from '#apps/composition/intake';
import { CustomerIdentity } from '#application/customer-identity';
import { DecideIntents, type IntentAnswer, type IntentCommand } from '#application/decide-intents';
import { gathered } from '#application/gathered';
import { Clock } from '#application/ports/clock';
import {
  MessageProducer,
  type MessageBatch,
  type OutgoingMessage,
  type ReceivedMessage,
} from '#application/ports/message-queue';
import { Telemetry } from '#application/ports/telemetry';
import { invalidIntentDecision } from '#contracts/outbound/invalid-intents';
import { sendDecisionMessage, type SendDecision } from '#contracts/outbound/send-decisions';
import { topicName } from '#contracts/topics';

const SOURCE = '/tidegate/dispatcher';
/** Intents of one piece of work at most, of however many partitions. */
const DECIDED_AT_ONCE = 1_000;
/** While one waits for the store, the next one is decided. */
const WORKS = 2;

/** Decides the intents of a batch. Decisions reach the topic by the subscription on the log, not from here. */
@Controller()
export class DispatcherController {
  readonly #decide: (commands: readonly IntentCommand[]) => Promise<readonly IntentAnswer[]>;

  constructor(
    @Inject(DecideIntents) decideIntents: DecideIntents,
    @Inject(CustomerIdentity) private readonly identity: CustomerIdentity,
    @Inject(MessageProducer) private readonly producer: MessageProducer,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Telemetry) private readonly telemetry: Telemetry,
  ) {
    this.#decide = gathered((commands) => decideIntents.run(commands), DECIDED_AT_ONCE, WORKS);
  }

  @EventPattern(topicName('send-intents'))
  async sendIntents(@Payload() batch: MessageBatch): Promise<void> {
    const intake = new Intake(SOURCE, this.clock, this.telemetry);
    const published: OutgoingMessage[] = [];
    const publish = ({ topic, partition, offset }: ReceivedMessage, decision: SendDecision): void => {
      const id = `${topic}/${partition}/${offset}`;
      published.push(sendDecisionMessage(decision, { id, source: SOURCE, at: decision.decidedAt }));
      if (decision.reason !== 'too-late') this.telemetry.decided(decision.outcome, decision.reason ?? null, 1);
    };
    const taken = intake.take('send-intents', batch, (message, fault) => {
      const decision = invalidIntentDecision(message, fault, this.identity, this.clock.now());
      if (decision !== undefined) publish(message, decision);
    });
    const commands = taken.map(({ parsed }): IntentCommand => {
      const { account, customer } = parsed.data;
      const key = {
        account,
        customer: typeof customer === 'string' ? customer : this.identity.customerOf(account, customer),
        metadata: metadataOf(parsed.envelope),
      };
      return parsed.type === 'cancel'
        ? { kind: 'cancel', ...key, intentId: parsed.data.intentId, reason: parsed.data.reason }
        : { kind: 'send', ...key, intent: parsed.data.intent, personal: parsed.data.personal };
    });
    const answers = await this.#decide(commands);
    taken.forEach(({ message }, index) => {
      const answer = answers[index];
      const command = commands[index];
      if (command === undefined || answer === undefined) return;
      const { account, customer } = command;
      const intentId = command.kind === 'send' ? command.intent.intentId : command.intentId;
      const said = { account, customer, intentId, decidedAt: this.clock.now() };
      switch (answer.kind) {
        case 'unknown-account': {
          const remedy = `Register account ${account} on the accounts topic, then send the intent again.`;
          intake.reject(message, {
            code: 'account-unknown',
            field: 'account',
            message: 'The account is unknown.',
            remedy,
          });
          return publish(message, { ...said, outcome: 'refused', reason: 'invalid-intent', remedy });
        }
        // Other content under a used id: the first decision stays (rule 2).
        case 'conflict':
          return publish(message, {
            ...said,
            outcome: 'refused',
            reason: 'intent-conflict',
            remedy: 'send other content under an id of its own',
          });
        // The provider was called already, or the decision is final (rules §8).
        case 'too-late':
          return publish(message, { ...said, outcome: answer.outcome, reason: 'too-late' });
        default:
      }
    });
    await intake.finish(this.producer, published);
  }
}
