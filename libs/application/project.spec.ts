import { expect, test } from '@jest/globals';
import { after, given, intentOf, wrote } from '#testing/scenario';
import type { CustomerEvent } from '#domain/gate/events';
import { fold } from '#domain/gate/evolve';
import { initialCustomer } from '#domain/gate/state';
import type { EventBatch, EventStore, RecordedEvent } from './ports/event-store.js';
import type { CustomerRow, DecisionRow, ProjectionChanges, ProjectionStore } from './ports/read-model.js';
import { Project } from './project.js';

const MINUTE_MS = 60_000;

/** A log of batches, and the rows that they leave; a takeover moves rows as the port says. */
class Stage {
  readonly rows = new Map<string, DecisionRow>();
  readonly customers = new Map<string, CustomerRow>();
  readonly #batches: EventBatch[] = [];
  readonly #revisions = new Map<string, number>();
  #position = 0;

  batch(customer: string, ...events: readonly CustomerEvent[]): void {
    const recorded = events.map((event): RecordedEvent => {
      const stream = `customer-acme.${customer}`;
      const revision = (this.#revisions.get(stream) ?? -1) + 1;
      this.#revisions.set(stream, revision);
      this.#position += 1;
      return {
        id: `${customer}/${revision}`,
        event,
        metadata: { correlationId: 'test', causationId: 'test' },
        stream,
        revision,
        position: this.#position,
        recordedAt: event.at,
      };
    });
    this.#batches.push({ events: recorded, caughtUp: false });
  }

  async project(): Promise<void> {
    const batches = this.#batches;
    const store: Pick<EventStore, 'subscribe'> = {
      subscribe: async function* () {
        yield* batches;
      },
    };
    const views: Partial<ProjectionStore> = {
      checkpoint: async () => undefined,
      accounts: async () => [],
      templates: async () => [],
      customers: async (keys) => keys.flatMap(({ customer }) => this.customers.get(customer) ?? []),
      decisions: async (keys) =>
        keys.flatMap(({ customer, intentId }) => this.rows.get(`${customer}/${intentId}`) ?? []),
      apply: async (_name, _from, _to, changes) => this.#apply(changes),
    };
    await new Project(store as EventStore, views as ProjectionStore).follow(new AbortController().signal);
  }

  #apply({ begun, customers, decisions, takeovers }: ProjectionChanges): void {
    for (const row of [...begun.customers, ...customers]) this.customers.set(row.customer, row);
    for (const row of [...begun.decisions, ...decisions]) this.rows.set(`${row.customer}/${row.intentId}`, row);
    for (const { from, to, intentIds } of takeovers) {
      for (const intentId of intentIds) {
        const row = this.rows.get(`${from}/${intentId}`);
        if (row !== undefined) this.rows.set(`${to}/${intentId}`, { ...row, customer: to });
      }
    }
  }
}

test('case 23: what becomes of a decision that came with a link is told of that one, not of the one remembered', async () => {
  const own = given(wrote(after(0)))
    .when(intentOf())
    .at(after(MINUTE_MS))
    .thenAuthorised();
  const theirs: readonly CustomerEvent[] = [
    ...wrote(after(0)),
    own,
    {
      type: 'SendStarted',
      at: after(2 * MINUTE_MS),
      intentId: own.intent.intentId,
      claim: 'c',
      attempt: 1,
      sender: own.intent.sender,
      ordinal: own.ordinal,
      evidence: own.evidence,
    },
    {
      type: 'SendAccepted',
      at: after(2 * MINUTE_MS),
      intentId: own.intent.intentId,
      claim: 'c',
      providerMessageId: 'theirs',
    },
  ];
  const stage = new Stage();
  stage.batch('loser', ...theirs);
  stage.batch('survivor', ...wrote(after(0)), own);
  stage.batch('survivor', {
    type: 'CustomerMerged',
    at: after(3 * MINUTE_MS),
    from: 'loser',
    fromRevision: theirs.length - 1,
    windows: {},
    consents: {},
    slots: [],
    intents: fold(theirs, initialCustomer).intents,
  });
  stage.batch('survivor', {
    type: 'MessageDelivered',
    at: after(4 * MINUTE_MS),
    intentId: own.intent.intentId,
    providerMessageId: 'theirs',
  });
  await stage.project();
  expect(stage.rows.get(`survivor/${own.intent.intentId}`)).toMatchObject({
    commandId: `loser/${wrote(after(0)).length}`,
    delivery: 'delivered',
    providerMessageId: 'theirs',
  });
});
