import type { RecordedEvent } from '../ports/event-store.js';
import type { Scratch } from '../ports/scratch.js';
import { customerStream, streamParts } from '../streams.js';
import type { FoldedCustomer } from './log-fold.js';

/** What a restored checkpoint may hold above the room before it is spilled. */
const SPILLED_AT_ONCE = 2_000;

/**
 * The customers of a fold of the log, of any number in flat memory: those met last are in the fold, all others lie in
 * scratch as JSON, and come back when the log comes back to them. Between batches, so that the fold waits for nothing.
 */
export class SpilledCustomers<Extra> {
  #hasSpilled = false;

  /**
   * @param customers those in memory, the one not met for longest first
   * @param room for so many in memory, beside those of one batch
   */
  constructor(
    private readonly customers: Map<string, FoldedCustomer<Extra>>,
    private readonly scratch: Scratch,
    private readonly room: number,
  ) {}

  /** Before the events are folded: all that they speak of and that was met before is in memory. */
  async recall(events: readonly RecordedEvent[]): Promise<void> {
    if (!this.#hasSpilled) return;
    const away = new Set<string>();
    for (const { stream, revision, event } of events) {
      if (revision > 0 && !this.customers.has(stream)) away.add(stream);
      if (event.type !== 'CustomerMerged') continue;
      const other = customerStream(streamParts(stream)?.account ?? '', event.from);
      if (!this.customers.has(other)) away.add(other);
    }
    if (away.size === 0) return;
    const streams = [...away];
    const texts = await this.scratch.get(streams);
    for (const [index, stream] of streams.entries()) {
      const text = texts[index];
      if (text !== undefined) this.customers.set(stream, JSON.parse(text) as FoldedCustomer<Extra>);
    }
  }

  /** After the events were folded, and before the first ones of a replay that was restored. */
  async spill(events: readonly RecordedEvent[] = []): Promise<void> {
    if (this.customers.size <= this.room) return;
    for (const stream of new Set(events.map((event) => event.stream))) {
      const customer = this.customers.get(stream);
      if (customer === undefined) continue;
      this.customers.delete(stream);
      this.customers.set(stream, customer);
    }
    await this.#spillOver();
  }

  /** Takes in one of a checkpoint. */
  async restore(stream: string, customer: FoldedCustomer<Extra>): Promise<void> {
    this.customers.set(stream, customer);
    if (this.customers.size > this.room + SPILLED_AT_ONCE) await this.#spillOver();
  }

  /** All of them, by their streams, as JSON. */
  async *all(): AsyncGenerator<readonly [stream: string, json: string], void, void> {
    for await (const entry of this.scratch.entries()) if (!this.customers.has(entry[0])) yield entry;
    for (const [stream, customer] of this.customers) yield [stream, JSON.stringify(customer)];
  }

  async #spillOver(): Promise<void> {
    const spilled: (readonly [string, string])[] = [];
    for (const [stream, customer] of this.customers) {
      if (this.customers.size <= this.room) break;
      this.customers.delete(stream);
      spilled.push([stream, JSON.stringify(customer)]);
    }
    this.#hasSpilled = true;
    await this.scratch.put(spilled);
  }
}
