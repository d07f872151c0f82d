import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { requestOf } from '#adapters/meta/request';
import { metaUpdates } from '#adapters/meta/webhooks/updates';
import { sinchUpdates } from '#adapters/sinch/webhooks/updates';
import { DispatcherController } from '#apps/dispatcher/dispatcher.controller';
import { messagesOf } from '#apps/dispatcher/published';
import { CustomerLookup } from '#apps/insights/customer-lookup';
import { requestedIntents } from '#apps/insights/requested-intents';
import { ProviderController } from '#apps/provider/provider.controller';
import { RecorderController } from '#apps/recorder/recorder.controller';
import { TakeUpdates } from '#apps/webhooks/take-updates';
import { CustomerIdentity } from '#application/customer-identity';
import { Customers } from '#application/customers';
import { DecideIntents } from '#application/decide-intents';
import { LinkCustomers } from '#application/link-customers';
import { MessageProducer, type MessageBatch, type OutgoingMessage } from '#application/ports/message-queue';
import { SendProvider, type ProviderMessage } from '#application/ports/send-provider';
import { RecordChanges } from '#application/record-changes';
import { RecordFacts } from '#application/record-facts';
import type { ProviderOutcome } from '#domain/gate/outcome';
import { plus } from '#domain/time';
import { PrometheusTelemetry } from '#platform/metrics';
import { ACCOUNT, openStage, SENDER, T0, type Stage } from './stage.js';

class Queue extends MessageProducer {
  waiting: OutgoingMessage[] = [];
  readonly sent: OutgoingMessage[] = [];
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    this.waiting.push(...messages);
    this.sent.push(...messages);
  }
  async close(): Promise<void> {}
}

/** Takes everything, and keeps what would have gone to Meta. */
class Meta extends SendProvider {
  readonly requests: { readonly [field: string]: unknown }[] = [];
  async send(message: ProviderMessage): Promise<ProviderOutcome> {
    const prepared = requestOf(message);
    if (prepared.kind === 'ready') this.requests.push({ ...prepared.request });
    return { kind: 'accepted', providerMessageId: `wamid.out.${message.intentId}` };
  }
}

const seconds = (ms: number): string => String(Math.floor(ms / 1_000));

/** From the provider's webhook to the request to the provider, without engines: the controllers on one log. */
const openWorld = async (stage: Stage) => {
  const { store, readModel, directory, clock } = stage;
  const identity = new CustomerIdentity(Buffer.alloc(32, 7));
  const queue = new Queue();
  const meta = new Meta();
  const telemetry = new PrometheusTelemetry();
  const customers = new Customers(store, readModel);
  const recorder = new RecorderController(
    new RecordFacts(customers, directory, readModel),
    new LinkCustomers(customers, directory),
    new RecordChanges(store),
    identity,
    queue,
    clock,
    telemetry,
  );
  const decideIntents = new DecideIntents(customers, directory, readModel, clock);
  const dispatcher = new DispatcherController(decideIntents, identity, queue, clock, telemetry);
  const provider = new ProviderController(
    stage.sender(meta),
    stage.reports(),
    stage.settlements(),
    identity,
    queue,
    clock,
    telemetry,
  );
  const edge = new TakeUpdates(queue, clock, identity, telemetry);
  const handlers: Record<string, (batch: MessageBatch) => Promise<void>> = {
    'tidegate.inbound-messages.v1': (batch) => recorder.inboundMessages(batch),
    'tidegate.consents.v1': (batch) => recorder.consents(batch),
    'tidegate.send-intents.v1': (batch) => dispatcher.sendIntents(batch),
    'tidegate.send-commands.v1': (batch) => provider.sendCommands(batch),
    'tidegate.delivery-reports.v1': (batch) => provider.deliveryReports(batch),
  };
  let published: number | undefined;

  const publish = async (): Promise<void> => {
    const end = new AbortController();
    const options = {
      name: 'test',
      after: published,
      categories: ['customer'],
      batchSize: 500,
      signal: end.signal,
    } as const;
    for await (const { events, caughtUp } of store.subscribe(options)) {
      published = events.at(-1)?.position ?? published;
      await queue.send(events.flatMap(messagesOf));
      if (caughtUp) end.abort();
    }
  };

  /** Lets everything run until nothing is left to do. */
  const settle = async (): Promise<void> => {
    for (;;) {
      await publish();
      const { waiting } = queue;
      queue.waiting = [];
      if (waiting.length === 0) return;
      for (const topic of new Set(waiting.map((message) => message.topic))) {
        const messages = waiting
          .filter((message) => message.topic === topic)
          .map(({ key, value, headers = {} }, offset) => ({
            topic,
            partition: 0,
            offset,
            key,
            value,
            headers,
            at: clock.at,
          }));
        const { signal } = new AbortController();
        await handlers[topic]?.({ topic, partition: 0, messages, signal, finished: () => undefined });
      }
    }
  };

  return {
    meta,
    identity,
    lookup: new CustomerLookup(readModel, identity),
    /** What became of each intent, as the topic tells it. */
    decisions: () =>
      queue.sent
        .filter(({ topic }) => topic === 'tidegate.send-decisions.v1')
        .map(({ value }): { intentId: string; outcome: string; reason?: string } => {
          const { data } = JSON.parse(value ?? '');
          return { intentId: data.intentId, outcome: data.outcome, reason: data.reason ?? undefined };
        }),
    deadLetters: () =>
      queue.sent
        .filter(({ topic }) => topic === 'tidegate.dead-letters.v1')
        .map(({ value }) => JSON.parse(value ?? '').data),
    webhook: async (value: object, provider: 'meta' | 'sinch' = 'meta'): Promise<void> => {
      const metadata = { display_phone_number: SENDER, phone_number_id: '1' };
      const body =
        provider === 'sinch'
          ? value
          : {
              object: 'whatsapp_business_account',
              entry: [{ id: '1', changes: [{ field: 'messages', value: { metadata, ...value } }] }],
            };
      await edge.take({
        provider,
        account: ACCOUNT,
        senders: new Map(),
        body: Buffer.from(JSON.stringify(body)),
        updatesOf: provider === 'meta' ? metaUpdates : sinchUpdates,
      });
      await settle();
    },
    ask: async (intentId: string, customer: object): Promise<void> => {
      const body = {
        account: ACCOUNT,
        intentId,
        customer,
        sender: SENDER,
        message: { type: 'text', text: 'hi' },
      };
      await queue.send(
        requestedIntents(body, identity, { at: clock.at, traceparent: undefined }).map(({ message }) => message),
      );
      await settle();
    },
  };
};

const text = (id: string, from: object, at = T0) => ({
  messages: [{ id, timestamp: seconds(at), type: 'text', text: { body: 'hello' }, ...from }],
});

describe('identity from webhook to request', () => {
  let stage: Stage;
  let world: Awaited<ReturnType<typeof openWorld>>;
  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
    world = await openWorld(stage);
  });
  afterAll(() => stage.close());

  test('case 23: somebody whom only a BSUID names writes, and is answered by it', async () => {
    await world.ask('b-0', { userId: 'DE.ada' });
    await world.webhook(text('wamid.b1', { from_user_id: 'DE.ada' }));
    await world.ask('b-1', { userId: 'DE.ada' });
    expect(world.decisions()).toEqual([
      { intentId: 'b-0', outcome: 'refused', reason: 'window-closed' },
      { intentId: 'b-1', outcome: 'authorised', reason: undefined },
    ]);
    expect(world.meta.requests).toMatchObject([{ recipient: 'DE.ada', type: 'text' }]);
    expect(world.meta.requests[0]).not.toHaveProperty('to');
  });

  test('case 23: a number that turns up beside the BSUID is the same person, asked for by either', async () => {
    await world.webhook(text('wamid.b2', { from: '4915112345678', from_user_id: 'DE.ada' }, plus(T0, 1_000)));
    await world.ask('b-2', { phone: '+4915112345678' });
    await world.ask('b-1', { phone: '+4915112345678' });
    // The report carries what was sent with the call, by which the person had only one alias.
    const [{ biz_opaque_callback_data: correlation } = {}] = world.meta.requests;
    const report = { id: 'wamid.out.b-1', status: 'delivered', timestamp: seconds(T0 + 2_000) };
    await world.webhook({ statuses: [{ ...report, biz_opaque_callback_data: correlation }] });
    await stage.project();
    expect(world.decisions().slice(2)).toEqual([{ intentId: 'b-2', outcome: 'authorised', reason: undefined }]);
    // The same intent for the other alias: its decision stands, and nothing goes out again.
    expect(world.meta.requests).toHaveLength(2);
    expect(world.meta.requests.at(-1)).toMatchObject({ to: '+4915112345678' });
    const [byPhone, byUser] = [
      await world.lookup.current(ACCOUNT, '+4915112345678'),
      await world.lookup.current(ACCOUNT, 'DE.ada'),
    ];
    expect(byUser).toEqual(byPhone);
    const ids = await world.lookup.idsOf(ACCOUNT, 'DE.ada');
    expect(new Set(await world.lookup.idsOf(ACCOUNT, '+4915112345678'))).toEqual(new Set(ids));
    const rows = await stage.readModel.decisions(
      ids.map((customer) => ({ account: ACCOUNT, customer, intentId: 'b-1' })),
    );
    expect(rows).toMatchObject([{ customer: byPhone.customer, outcome: 'authorised', delivery: 'delivered' }]);
    expect((await stage.readModel.activeUsers([{ account: ACCOUNT, month: '2026-11' }])).users).toEqual([1]);
    expect(world.deadLetters()).toEqual([]);
  });

  test('case 22: who changes the number is asked to write first; the old number is nobody’s', async () => {
    const system = { type: 'user_changed_number', wa_id: '4915100000000', user_id: 'DE.new' };
    await world.webhook({
      messages: [
        {
          id: 'wamid.c1',
          timestamp: seconds(T0 + 3_000),
          type: 'system',
          from: '4915112345678',
          from_user_id: 'DE.ada',
          system: { body: 'Ada changed', ...system },
        },
      ],
    });
    const asked = world.decisions().length;
    await world.ask('c-1', { phone: '+4915100000000' });
    await world.webhook(text('wamid.c2', { from: '4915100000000', from_user_id: 'DE.new' }, plus(T0, 4_000)));
    await world.ask('c-2', { userId: 'DE.new' });
    await world.ask('c-3', { phone: '+4915112345678' });
    expect(world.decisions().slice(asked)).toEqual([
      { intentId: 'c-1', outcome: 'refused', reason: 'window-closed' },
      { intentId: 'c-2', outcome: 'authorised', reason: undefined },
      { intentId: 'c-3', outcome: 'refused', reason: 'window-closed' },
    ]);
    expect(world.deadLetters()).toEqual([]);
  });

  test('case 22: a contact merge at Sinch makes one customer of two', async () => {
    const contact = (id: string, identity: string) => ({
      id,
      channel_identities: [{ channel: 'WHATSAPP', identity, app_id: '' }],
    });
    await world.webhook(text('wamid.d1', { from: '4915155555555' }));
    const asked = world.decisions().length;
    await world.webhook(
      {
        app_id: 'app',
        accepted_time: new Date(T0).toISOString(),
        event_time: new Date(T0).toISOString(),
        project_id: 'p',
        contact_merge_notification: {
          preserved_contact: contact('01A', '4915144444444'),
          deleted_contact: contact('01B', '4915155555555'),
        },
      },
      'sinch',
    );
    await world.ask('d-1', { phone: '4915144444444' });
    expect(world.decisions().slice(asked)).toEqual([{ intentId: 'd-1', outcome: 'authorised', reason: undefined }]);
  });

  test('case 24: numbers are kept as given: an extra digit is another customer, and is sent to as it was given', async () => {
    await world.webhook(text('wamid.e1', { from: '5511987654321' }));
    const asked = world.decisions().length;
    await world.ask('e-1', { phone: '551187654321' });
    await world.ask('e-2', { phone: '5511987654321' });
    expect(world.decisions().slice(asked)).toMatchObject([{ outcome: 'refused' }, { outcome: 'authorised' }]);
    expect(world.meta.requests.at(-1)).toMatchObject({ to: '+5511987654321' });
  });
});
