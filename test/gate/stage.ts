import { expect } from '@jest/globals';
import type { Database } from '#adapters/postgres/database';
import { memoryDatabase } from '#adapters/postgres/memory-database';
import { prepare } from '#adapters/postgres/open-database';
import { PostgresEventStore } from '#adapters/postgres/postgres-event-store';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { PostgresReadModel } from '#adapters/postgres/postgres-read-model';
import { Customers } from '#application/customers';
import { DecideIntents, type IntentCommand } from '#application/decide-intents';
import { Directory } from '#application/directory';
import { factId } from '#application/event-ids';
import { Pacing, platformLimits } from '#application/pacing';
import type { DomainEvent, EventStore, RecordedEvent } from '#application/ports/event-store';
import { Clock } from '#application/ports/clock';
import type { SendProvider } from '#application/ports/send-provider';
import { Project, segmentsOf, VIEWS } from '#application/project';
import { RecordChanges } from '#application/record-changes';
import { RecordFacts, type FactCommand } from '#application/record-facts';
import { RecordReports } from '#application/record-reports';
import { SendMessages, type SendMessagesOptions } from '#application/send-messages';
import { SettleOutcomes } from '#application/settle-outcomes';
import { Situations } from '#application/situations';
import { accountStream, templateStream } from '#application/streams';
import { TemplateRefusals } from '#application/template-refusals';
import { WaitingSends } from '#application/waiting-sends';
import type { TemplateCategory } from '#domain/consent';
import type { SendIntent } from '#domain/gate/intent';
import type { Policy } from '#domain/policy';
import { instantOf, plus, type Instant } from '#domain/time';

export const T0 = instantOf(Date.UTC(2026, 10, 2, 9));
export const ACCOUNT = 'acme';
export const SENDER = '4930123456';

class FixedClock extends Clock {
  at: Instant = T0;
  now(): Instant {
    return this.at;
  }
}

const metadata = { correlationId: 'test', causationId: 'test' };

/** No limit of a sender's throughput: the clock stands still. */
const unhurried = { ...platformLimits, perSecond: () => Number.POSITIVE_INFINITY };

/** The gate on an embedded store or the given database, without queue and processes: what two of each do on one log. */
export const openStage = async (given?: Database) => {
  const database = given ?? (await memoryDatabase());
  await prepare(database);
  const clock = new FixedClock();
  const store: EventStore = new PostgresEventStore(database, clock);
  const readModel = new PostgresReadModel(database);
  const views = new PostgresProjectionStore(database);
  const directory = new Directory(store, readModel);
  const project = new Project(store, views);

  const put = async (stream: string, events: readonly DomainEvent[]): Promise<void> => {
    const [known = []] = await store.readStreams([{ stream, fromRevision: 0 }]);
    const [outcome] = await store.append([
      {
        stream,
        expectedRevision: known.length - 1,
        events: events.map((event, index) => ({ id: factId(stream, `${known.length + index}`), event, metadata })),
      },
    ]);
    expect(outcome?.kind).toBe('appended');
  };

  return {
    clock,
    database,
    store,
    readModel,
    directory,
    close: () => database.close(),
    /** A dispatcher as a process of its own would have it: nothing cached. */
    dispatcher: () => new DecideIntents(new Customers(store, readModel), directory, readModel, clock),
    /** A sending process of its own. */
    sender: (
      provider: SendProvider,
      {
        store: seen = store,
        pacing = new Pacing(unhurried),
        waiting = new WaitingSends(),
        failed,
      }: Partial<Pick<SendMessagesOptions, 'pacing' | 'waiting' | 'failed'> & { readonly store: EventStore }> = {},
    ) =>
      new SendMessages({
        customers: new Customers(seen, readModel),
        directory,
        situations: new Situations(directory, readModel, clock),
        provider,
        pacing,
        waiting,
        templates: new TemplateRefusals(directory, new RecordChanges(store)),
        clock,
        concurrency: 4,
        failed,
      }),
    settlements: () => new SettleOutcomes(new Customers(store, readModel), new Situations(directory, readModel, clock)),
    reports: (failed?: ConstructorParameters<typeof RecordReports>[5]) =>
      new RecordReports(
        new Customers(store, readModel),
        new Situations(directory, readModel, clock),
        readModel,
        new TemplateRefusals(directory, new RecordChanges(store)),
        clock,
        failed,
      ),
    recorder: () => new RecordFacts(new Customers(store, readModel), directory, readModel),
    registerAccount: async (account = ACCOUNT) => {
      await put(accountStream(account), [
        { type: 'AccountRegistered', at: T0, zone: 'UTC' },
        { type: 'SenderRegistered', at: T0, sender: SENDER, onboardedAt: instantOf(0) },
      ]);
      await directory.refreshAccounts([account]);
    },
    template: async (
      name: string,
      type: 'TemplateApproved' | 'TemplatePaused',
      at: Instant,
      category: TemplateCategory = 'utility',
    ) => {
      await put(templateStream(ACCOUNT, name, 'en'), [{ type, at, category }]);
      await directory.refreshTemplates([{ account: ACCOUNT, name, language: 'en' }]);
    },
    policy: async (overrides: Partial<Policy>, effectiveAt: Instant) => {
      const event = {
        type: 'PolicyChanged',
        at: T0,
        effectiveAt,
        preset: 'sinch-2021',
        version: 2,
        overrides,
      } as const;
      await put(accountStream(ACCOUNT), [event]);
      await directory.refreshAccounts([ACCOUNT]);
    },
    /** Lets the projector catch up with the log. */
    project: async () => {
      const until = new AbortController();
      const from = await views.checkpoint(VIEWS);
      let checkpoint = from;
      const categories = ['customer', 'template', 'account'] as const;
      for await (const batch of store.subscribe({
        name: 'test',
        after: from,
        categories,
        batchSize: 7,
        signal: until.signal,
      })) {
        const last = batch.events.at(-1);
        for (const segment of last === undefined ? [] : segmentsOf(batch.events)) {
          const to = segment.at(-1)?.position ?? 0;
          await views.apply(VIEWS, checkpoint, to, await project.changes(segment));
          checkpoint = to;
        }
        if (batch.caughtUp) until.abort();
      }
    },
    events: async (customer: string): Promise<readonly RecordedEvent[]> => {
      const [events = []] = await store.readStreams([{ stream: `customer-${ACCOUNT}.${customer}`, fromRevision: 0 }]);
      return events;
    },
  };
};
export type Stage = Awaited<ReturnType<typeof openStage>>;

export const wrote = (customer: string, messageId: string, at: Instant, text = 'hello'): FactCommand => ({
  account: ACCOUNT,
  customer,
  metadata,
  report: {
    kind: 'message',
    provider: 'sandbox',
    sender: SENDER,
    messageId,
    messageType: 'text',
    origin: 'customer',
    claimedAt: at,
    receivedAt: plus(at, 500),
    personal: { text },
  },
});

export const intent = (customer: string, intentId: string, terms: Partial<SendIntent> = {}): IntentCommand => ({
  kind: 'send',
  account: ACCOUNT,
  customer,
  metadata,
  intent: {
    intentId,
    sender: SENDER,
    content: { kind: 'session', messageType: 'text' },
    whenClosed: 'refuse',
    whenPaused: 'refuse',
    fingerprint: `${intentId}-1`,
    ...terms,
  },
  personal: { to: { phone: '491701234567' }, text: 'hi' },
});

export const cancellation = (customer: string, intentId: string): IntentCommand => ({
  kind: 'cancel',
  account: ACCOUNT,
  customer,
  metadata,
  intentId,
});
