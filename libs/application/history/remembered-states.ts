import type { CustomerEvent } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import { initialCustomer } from '#domain/gate/state';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import type { FoldedCustomer } from './log-fold.js';

/** Streams that are read again in one call: whole ones, so not all of a batch at once. */
const AT_ONCE = 200;

/**
 * Bounds the states that a fold of the log keeps: those of customers not met for long are dropped between batches, and
 * folded again from their streams when the log comes back to them. Nothing is done as long as all have room.
 */
export class RememberedStates {
  /** Those with a state by their streams, the one not met for longest first; undefined as long as all have room. */
  #held: Map<string, FoldedCustomer> | undefined;

  /** @param room for so many states, beside those of one batch */
  constructor(
    private readonly store: Pick<EventStore, 'readStreams'>,
    private readonly customers: ReadonlyMap<string, FoldedCustomer>,
    private readonly room: number,
  ) {}

  /** Before the events are folded: all of whom they speak have their state. */
  async recall(events: readonly RecordedEvent[]): Promise<void> {
    if (this.customers.size <= this.room) return;
    const forgotten = new Map<string, FoldedCustomer>();
    for (const { stream } of events) {
      const customer = this.customers.get(stream);
      if (customer?.isForgotten === true) forgotten.set(stream, customer);
    }
    const all = [...forgotten];
    for (let index = 0; index < all.length; index += AT_ONCE) {
      const some = all.slice(index, index + AT_ONCE);
      const streams = await this.store.readStreams(some.map(([stream]) => ({ stream, fromRevision: 0 })));
      for (const [place, [, customer]] of some.entries()) {
        let state = initialCustomer;
        for (const { event, revision } of streams[place] ?? []) {
          if (revision > customer.revision) break;
          state = evolve(state, event as CustomerEvent);
        }
        customer.state = state;
        customer.isForgotten = undefined;
      }
    }
  }

  /** After the events were folded. */
  forget(events: readonly RecordedEvent[]): void {
    if (this.customers.size <= this.room) return;
    this.#held ??= new Map([...this.customers].filter(([, { isForgotten }]) => isForgotten !== true));
    for (const stream of new Set(events.map((event) => event.stream))) {
      const customer = this.customers.get(stream);
      if (customer === undefined) continue;
      this.#held.delete(stream);
      this.#held.set(stream, customer);
    }
    for (const [stream, customer] of this.#held) {
      if (this.#held.size <= this.room) return;
      this.#held.delete(stream);
      // Whether it goes on in another stream is asked of all.
      const { survivor } = customer.state;
      customer.state = survivor === undefined ? initialCustomer : { ...initialCustomer, survivor };
      customer.isForgotten = true;
    }
  }
}
