import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DispatcherController } from '#apps/dispatcher/dispatcher.controller';
import { messagesOf } from '#apps/dispatcher/published';
import { CustomerIdentity } from '#application/customer-identity';
import { MessageProducer, type OutgoingMessage } from '#application/ports/message-queue';
import { Telemetry } from '#application/ports/telemetry';
import { topicName, type OutboundTopic } from '#contracts/topics';
import { ACCOUNT, openStage, SENDER, T0, wrote, type Stage } from './stage.js';

class KeptProducer extends MessageProducer {
  sent: readonly OutgoingMessage[] = [];
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    this.sent = [...this.sent, ...messages];
  }
  async close(): Promise<void> {}
}

class CountedDecisions extends Telemetry {
  counted: readonly string[] = [];
  decided(outcome: string, reason: string | null): void {
    this.counted = [...this.counted, `${outcome}/${reason}`];
  }
  revised(): void {}
  conflicted(): void {}
  deadLettered(): void {}
  parked(): void {}
  alarmed(): void {}
  undelivered(): void {}
  batchHandled(): void {}
  projected(): void {}
  gapped(): void {}
}

describe('what an upstream gets on send-decisions', () => {
  const identity = new CustomerIdentity(Buffer.alloc(32, 7));
  let stage: Stage;
  let producer = new KeptProducer();
  let telemetry = new CountedDecisions();
  let phone = 4915112340000;

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());
  beforeEach(() => {
    producer = new KeptProducer();
    telemetry = new CountedDecisions();
    phone += 1;
  });

  const her = () => ({ account: ACCOUNT, customer: identity.customerOf(ACCOUNT, { phone: String(phone) }) });
  const send = (intentId: string, terms: object = {}) => ({
    type: 'send',
    data: {
      account: ACCOUNT,
      customer: { phone: `+${phone}` },
      intentId,
      sender: SENDER,
      message: { type: 'text', text: 'Hi' },
      ...terms,
    },
  });
  const cancel = (intentId: string, terms: object = {}) => ({
    type: 'cancel',
    data: { account: ACCOUNT, customer: { phone: `+${phone}` }, intentId, ...terms },
  });

  /** Takes the messages as one batch, by a dispatcher that has nothing cached. */
  const take = async (...messages: readonly { readonly type: string; readonly data: object }[]): Promise<void> => {
    const dispatcher = new DispatcherController(stage.dispatcher(), identity, producer, stage.clock, telemetry);
    const topic = topicName('send-intents');
    await dispatcher.sendIntents({
      topic,
      partition: 3,
      signal: new AbortController().signal,
      finished: () => undefined,
      messages: messages.map(({ type, data }, offset) => ({
        topic,
        partition: 3,
        offset,
        key: 'acme.upstream',
        value: JSON.stringify(data),
        headers: {
          ce_specversion: '1.0',
          ce_id: `e-${offset}`,
          ce_source: '/shop',
          ce_type: `tidegate.send-intents.${type}`,
        },
        at: T0,
      })),
    });
  };
  const said = (topic: OutboundTopic, messages = producer.sent): readonly unknown[] =>
    messages.filter((sent) => sent.topic === topicName(topic)).map(({ value }) => JSON.parse(value ?? '').data);
  /** What the publisher makes of her stream. */
  const recorded = async (): Promise<readonly unknown[]> =>
    said('send-decisions', (await stage.events(her().customer)).flatMap(messagesOf));

  test('rule 1: a malformed intent is refused as `invalid-intent` beside its dead letter, and its id is not used up', async () => {
    await take(send('a', { sender: undefined }));
    expect(said('dead-letters')).toMatchObject([{ offset: 0, code: 'message-invalid', field: 'sender' }]);
    expect(said('send-decisions')).toMatchObject([{ ...her(), intentId: 'a', reason: 'invalid-intent' }]);
    expect(producer.sent.map(({ value }) => JSON.parse(value ?? '').id)).toEqual([
      'tidegate.send-intents.v1/3/0',
      'tidegate.send-intents.v1/3/0',
    ]);
    expect(telemetry.counted).toEqual(['refused/invalid-intent']);
    await take(send('a'));
    expect(await recorded()).toMatchObject([{ intentId: 'a', reason: 'window-closed', ordinal: 1 }]);
  });

  test('rule 1: an unknown account likewise, and a malformed cancellation is only a dead letter', async () => {
    await take(send('a', { account: 'nobody' }), cancel('b', { reason: 7 }));
    expect(said('send-decisions')).toMatchObject([{ account: 'nobody', intentId: 'a', reason: 'invalid-intent' }]);
    expect(said('dead-letters')).toMatchObject([
      { offset: 1, field: 'reason' },
      { offset: 0, code: 'account-unknown' },
    ]);
  });

  test('rule 2: other content under a used id is refused as `intent-conflict`', async () => {
    await take(send('a'), send('a', { message: { type: 'text', text: 'Ho' } }));
    expect(said('send-decisions')).toMatchObject([{ intentId: 'a', outcome: 'refused', reason: 'intent-conflict' }]);
  });

  test('a cancellation is a decision: it says which intent, and not in whose words', async () => {
    await take(send('a', { whenClosed: 'hold' }), cancel('a', { reason: 'Ada moved' }), cancel('b'));
    const [held, known, overtaking] = await recorded();
    expect(held).toMatchObject({ outcome: 'held', revision: 0 });
    const decidedAt = new Date(T0).toISOString();
    expect(known).toEqual({ ...her(), intentId: 'a', outcome: 'cancelled', decidedAt, revision: 1, sender: SENDER });
    expect(overtaking).toEqual({ ...her(), intentId: 'b', outcome: 'cancelled', decidedAt, revision: 2 });
    expect(said('send-decisions')).toEqual([]);
  });

  test('a cancellation may name the customer by id, a send intent may not: it needs an address', async () => {
    const named = { customer: { id: her().customer } };
    await take(send('a', { whenClosed: 'hold' }), cancel('a', named), send('b', named));
    expect(await recorded()).toMatchObject([{ outcome: 'held' }, { intentId: 'a', outcome: 'cancelled' }]);
    expect(said('send-decisions')).toMatchObject([{ intentId: 'b', reason: 'invalid-intent' }]);
    expect(said('dead-letters')).toMatchObject([{ field: 'customer.phone' }]);
  });

  test('a repeated cancellation changes nothing and is not answered again', async () => {
    await take(send('a', { whenClosed: 'hold' }), cancel('a'), cancel('a'));
    await take(cancel('a'));
    await stage.project();
    await take(cancel('a'));
    expect(producer.sent).toEqual([]);
    expect(await recorded()).toMatchObject([{ outcome: 'held' }, { outcome: 'cancelled' }]);
  });

  /** As the provider part claims it. */
  const start = async (intentId: string): Promise<void> => {
    const events = await stage.events(her().customer);
    await stage.store.append([
      {
        stream: `customer-${ACCOUNT}.${her().customer}`,
        expectedRevision: events.length - 1,
        events: [
          {
            id: crypto.randomUUID(),
            event: {
              type: 'SendStarted',
              at: T0,
              intentId,
              ordinal: 1,
              attempt: 1,
              claim: 'c',
              sender: SENDER,
              evidence: { customerRevision: 1, accountRevision: 1 },
            },
            metadata: { correlationId: 'x', causationId: 'x' },
          },
        ],
      },
    ]);
  };

  test('a cancellation after the start is answered `too-late` beside the outcome that stands', async () => {
    await stage.recorder().run([wrote(her().customer, 'm', T0)]);
    await take(send('a'));
    await start('a');
    await take(cancel('a'));
    expect(said('send-decisions')).toEqual([
      { ...her(), intentId: 'a', outcome: 'authorised', reason: 'too-late', decidedAt: new Date(T0).toISOString() },
    ]);
    // Nothing was decided.
    expect(telemetry.counted).toEqual([]);
  });

  test.each(['before', 'after'])('and so is one of a refused intent, %s the read model knows of it', async (when) => {
    await take(send('a'));
    if (when === 'after') await stage.project();
    await take(cancel('a'));
    expect(said('send-decisions')).toMatchObject([{ intentId: 'a', outcome: 'refused', reason: 'too-late' }]);
  });
});
