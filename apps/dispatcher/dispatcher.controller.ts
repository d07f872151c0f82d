import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Intake, metadataOf } from '#apps/composition/intake';
import { CustomerIdentity } from '#application/customer-identity';
import { DecideIntents, type IntentCommand } from '#application/decide-intents';
import { Clock } from '#application/ports/clock';
import { MessageProducer, type MessageBatch, type OutgoingMessage } from '#application/ports/message-queue';
import { Telemetry } from '#application/ports/telemetry';
import { sendDecisionMessage } from '#contracts/outbound/send-decisions';
import { topicName } from '#contracts/topics';

const SOURCE = '/tidegate/dispatcher';

/** Decides the intents of a batch. Decisions reach the topic by the subscription on the log, not from here. */
@Controller()
export class DispatcherController {
  constructor(
    @Inject(DecideIntents) private readonly decideIntents: DecideIntents,
    @Inject(CustomerIdentity) private readonly identity: CustomerIdentity,
    @Inject(MessageProducer) private readonly producer: MessageProducer,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Telemetry) private readonly telemetry: Telemetry,
  ) {}

  @EventPattern(topicName('send-intents'))
  async sendIntents(@Payload() batch: MessageBatch): Promise<void> {
    const intake = new Intake(SOURCE, this.clock, this.telemetry);
    const taken = intake.take('send-intents', batch);
    const commands = taken.map(({ parsed }): IntentCommand => {
      const { account } = parsed.data;
      const key = {
        account,
        customer: this.identity.customerOf(account, parsed.data.customer),
        metadata: metadataOf(parsed.envelope),
      };
      return parsed.type === 'cancel'
        ? { kind: 'cancel', ...key, intentId: parsed.data.intentId, reason: parsed.data.reason }
        : { kind: 'send', ...key, intent: parsed.data.intent, personal: parsed.data.personal };
    });
    const answers = await this.decideIntents.run(commands);
    const refusals: OutgoingMessage[] = [];
    taken.forEach(({ message }, index) => {
      const answer = answers[index];
      const command = commands[index];
      if (command === undefined || answer === undefined) return;
      const refuse = (reason: 'invalid-intent' | 'intent-conflict', remedy: string): void => {
        const intentId = command.kind === 'send' ? command.intent.intentId : command.intentId;
        const { account, customer } = command;
        const decidedAt = this.clock.now();
        const refusal = { account, customer, intentId, outcome: 'refused', reason, remedy, decidedAt } as const;
        const id = `${message.topic}/${message.partition}/${message.offset}`;
        refusals.push(sendDecisionMessage(refusal, { id, source: SOURCE, at: decidedAt }));
        this.telemetry.decided('refused', reason, 1);
      };
      if (answer.kind === 'unknown-account') {
        const remedy = `Register account ${command.account} on the accounts topic, then send the intent again.`;
        intake.reject(message, {
          code: 'account-unknown',
          field: 'account',
          message: 'The account is unknown.',
          remedy,
        });
        refuse('invalid-intent', remedy);
      }
      // Other content under a used id: the first decision stays (rule 2).
      if (answer.kind === 'conflict') refuse('intent-conflict', 'send other content under an id of its own');
    });
    await intake.finish(this.producer, refusals);
  }
}
