import { isUtf8 } from 'node:buffer';
import { setImmediate as restOfTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import type { Clock } from '#application/ports/clock';
import type { MessageProducer, OutgoingMessage } from '#application/ports/message-queue';
import type { Telemetry } from '#application/ports/telemetry';
import type { CustomerAliases } from '#contracts/inbound/customer';
import { messageKinds } from '#contracts/inbound/kinds';
import type { Fault } from '#contracts/inbound/schemas';
import { outgoing, written } from '#contracts/outbound/outgoing';
import { partitionKey, type InboundTopic } from '#contracts/topics';
import { deadWebhookMessages, type DeadWebhook } from '#contracts/webhooks/dead-webhooks';
import type { Fact, Update, WebhookContext } from '#contracts/webhooks/updates';
import type { Instant } from '#domain/time';

/** Of bodies whose messages the queue has not acknowledged yet: beyond it the provider has to wait. */
const MAX_BYTES_AT_ONCE = 64 * 1024 * 1024;
/** Aliases that were told to belong together; a link that is forgotten is told again. */
const MAX_LINKS = 100_000;

/** A webhook whose signature is right. */
export interface Webhook extends Pick<WebhookContext, 'account' | 'senders' | 'sender'> {
  readonly provider: 'sinch' | 'meta';
  readonly body: Buffer;
  readonly updatesOf: (content: unknown, context: WebhookContext) => readonly Update[];
}

/** What a topic's contract makes of a fact. */
interface Told {
  readonly account: string;
  readonly customer?: CustomerAliases | undefined;
  readonly at?: Instant | undefined;
}
type Parse = (
  content: unknown,
  envelope: typeof NO_ENVELOPE,
) => { readonly kind: 'valid'; readonly data: Told } | Fault;

const NO_ENVELOPE = { id: '', type: undefined, traceparent: undefined };

const topics = [
  'inbound-messages',
  'consents',
  'delivery-reports',
  'template-approvals',
] as const satisfies InboundTopic[];
const parsers: ReadonlyMap<string, Parse> = new Map(
  topics.flatMap((topic) =>
    messageKinds[topic].flatMap((kind): [string, Parse][] =>
      // What people say comes by no webhook.
      kind.name === 'settlement' ? [] : [[`${topic}/${kind.name}`, kind.parse]],
    ),
  ),
);

/** Turns webhooks into messages on the topics: each update into one or more, what nobody understands into dead letters. */
export class TakeUpdates {
  readonly #told = new LRUCache<string, true>({ max: MAX_LINKS });
  #bytes = 0;
  #turn: { readonly messages: OutgoingMessage[]; readonly sent: Promise<void> } | undefined;

  constructor(
    private readonly producer: MessageProducer,
    private readonly clock: Clock,
    private readonly identity: CustomerIdentity,
    private readonly telemetry: Telemetry,
  ) {}

  /**
   * Resolves once the queue has acknowledged everything; a repeat makes the same CloudEvents again.
   * @throws InfrastructureError `queue-unavailable`: the provider has to send the webhook again
   */
  async take(webhook: Webhook): Promise<void> {
    const { length } = webhook.body;
    if (this.#bytes + length > MAX_BYTES_AT_ONCE) {
      throw new InfrastructureError('queue-unavailable', 'The queue does not keep up.');
    }
    this.#bytes += length;
    try {
      const taking = new Taking(webhook, this.clock.now(), this.identity, this.#told);
      taking.run();
      if (taking.messages.length > 0) await this.#send(taking.messages);
      for (const link of taking.links) this.#told.set(link, true);
      if (taking.dead > 0) this.telemetry.deadLettered(`webhooks/${webhook.provider}`, 'message-invalid', taking.dead);
    } finally {
      this.#bytes -= length;
    }
  }

  /**
   * What came in one turn of the event loop goes to the queue at once, in its order: the embedded one blocks the loop
   * while it writes, so that one by one nothing could ever join.
   */
  #send(messages: readonly OutgoingMessage[]): Promise<void> {
    this.#turn ??= { messages: [], sent: this.#sendTurn() };
    this.#turn.messages.push(...messages);
    return this.#turn.sent;
  }

  async #sendTurn(): Promise<void> {
    await restOfTurn();
    const { messages = [] } = this.#turn ?? {};
    this.#turn = undefined;
    await this.producer.send(messages);
  }
}

class Taking {
  readonly messages: OutgoingMessage[] = [];
  /** Links among the messages. */
  readonly links = new Set<string>();
  dead = 0;
  readonly #source: string;

  constructor(
    private readonly webhook: Webhook,
    private readonly now: Instant,
    private readonly identity: CustomerIdentity,
    private readonly told: Pick<LRUCache<string, true>, 'has'>,
  ) {
    this.#source = `/tidegate/webhooks/${webhook.provider}`;
  }

  run(): void {
    const { body, account, senders, sender, updatesOf } = this.webhook;
    if (!isUtf8(body)) return this.#bury(invalid('The body is not UTF-8.'), body.toString('base64'), 'base64');
    let content: unknown;
    try {
      content = JSON.parse(body.toString('utf8'));
    } catch {
      return this.#bury(invalid('The body is not JSON.'), body.toString('utf8'));
    }
    const context = { account, senders, sender, receivedAt: written(this.now) };
    for (const { meaning, alone } of updatesOf(content, context)) {
      const fault = meaning.kind === 'invalid' ? meaning : this.#publish(meaning.facts);
      if (fault !== undefined) this.#bury(fault, this.#alone(alone));
    }
  }

  /** All facts of an update, or the fault of one and none of them. */
  #publish(facts: readonly Fact[]): Fault | undefined {
    const messages: OutgoingMessage[] = [];
    for (const fact of facts) {
      const parsed = parsers.get(`${fact.topic}/${fact.kind}`)?.(fact.data, NO_ENVELOPE);
      if (parsed === undefined || parsed.kind === 'invalid') return parsed ?? invalid('There is no such message.');
      const { customer, at } = parsed.data;
      messages.push(this.#message(fact, customer));
      const link = fact.kind === 'identity' ? undefined : this.#link(fact, customer, at);
      if (link !== undefined) messages.push(link);
    }
    this.messages.push(...messages);
    return undefined;
  }

  #message({ topic, kind, id, about, data }: Fact, customer: CustomerAliases | undefined): OutgoingMessage {
    const { account } = this.webhook;
    // The customer's id as the recorder makes it: no number is in a key, and what concerns one customer keeps its order.
    const key = partitionKey(account, customer === undefined ? about : this.identity.customerOf(account, customer));
    return outgoing(topic, kind, key, { id, source: this.#source, at: this.now }, data);
  }

  /** A number and a user id in one update are proof that they are one person (case 23). Told once, not with each message. */
  #link(fact: Fact, customer: CustomerAliases | undefined, at: Instant | undefined): OutgoingMessage | undefined {
    const { phone, userId } = customer ?? {};
    if (phone === undefined || userId === undefined || at === undefined) return undefined;
    const { account, provider } = this.webhook;
    const pair = `${account}\n${phone}\n${userId}`;
    if (this.told.has(pair) || this.links.has(pair)) return undefined;
    this.links.add(pair);
    const [one, other] = [{ phone }, { userId }];
    const ids = [one, other].map((alias) => this.identity.customerOf(account, alias)).join('/');
    const reference = fact.about.slice(0, 256);
    const data = { account, provider, customer: one, other, relation: 'same', at: written(at), reference } as const;
    return this.#message(
      { topic: 'inbound-messages', kind: 'identity', id: `${account}/${provider}/same/${ids}`, about: reference, data },
      one,
    );
  }

  #bury({ field, message, remedy }: Fault, body: string, encoding?: DeadWebhook['encoding']): void {
    const { provider, account } = this.webhook;
    const dead = { provider, account, receivedAt: this.now, body, encoding };
    this.messages.push(...deadWebhookMessages(dead, { code: 'message-invalid', field, message, remedy }, this.#source));
    this.dead += 1;
  }

  #alone(alone: Update['alone']): string {
    try {
      return alone();
    } catch {
      // Nested deeper than it can be written again.
      return this.webhook.body.toString('utf8');
    }
  }
}

const invalid = (message: string): Fault => ({
  kind: 'invalid',
  field: '',
  message,
  remedy: 'Ask the provider what it sent.',
});
