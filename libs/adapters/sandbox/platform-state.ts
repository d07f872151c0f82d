import { LRUCache } from 'lru-cache';
import type { Entry } from './book.js';

/** People and messages that are remembered, the most recent ones: memory stays bounded. */
const REMEMBERED = 1_000_000;
/** With a plain `max`, a hundred megabytes would be set aside for them at once. */
const bounded = { maxSize: REMEMBERED, sizeCalculation: () => 1 };
const WINDOW_MS = 24 * 3_600_000;

/** A customer's wish not to be written to. */
export interface Stop {
  readonly at: number;
  /** In real time: who may not have heard of it yet cannot be blamed. */
  readonly toldAtMs: number;
  /** The one message that may follow (to confirm it) was sent. */
  confirmed: boolean;
}

/** What the platform's book says, folded. */
export class PlatformState {
  /** When the customer last wrote, by chat. */
  readonly #wroteAt = new LRUCache<string, number>(bounded);
  readonly #stops = new LRUCache<string, Stop>(bounded);
  readonly #optedInAt = new LRUCache<string, number>(bounded);
  readonly #takenAs = new LRUCache<string, string>(bounded);
  #taken = 0;

  get taken(): number {
    return this.#taken;
  }

  enter(entry: Entry): void {
    switch (entry.kind) {
      case 'wrote': {
        const chat = chatOf(entry.sender, entry.person);
        this.#wroteAt.set(chat, Math.max(entry.at, this.#wroteAt.get(chat) ?? Number.NEGATIVE_INFINITY));
        if (entry.stop === true) this.#stop(personOf(entry.person), entry.at);
        return;
      }
      case 'consented': {
        const person = personOf(entry.person);
        if (entry.status === 'out') this.#stop(person, entry.at);
        else this.#optedInAt.set(person, Math.max(entry.at, this.#optedInAt.get(person) ?? Number.NEGATIVE_INFINITY));
        return;
      }
      case 'took': {
        this.#taken += 1;
        if (!this.#takenAs.has(entry.correlation)) this.#takenAs.set(entry.correlation, entry.id);
        const stop = this.#standing(entry.sender, entry.to.phone ?? entry.to.userId ?? '', entry.session);
        if (stop !== undefined && entry.session) stop.confirmed = true;
        return;
      }
      default:
    }
  }

  isOpen(sender: string, person: string, now: number): boolean {
    const wroteAt = this.#wroteAt.get(chatOf(sender, person));
    return wroteAt !== undefined && now < wroteAt + WINDOW_MS;
  }

  /** The wish that speaks against one more message now. */
  stopAgainst(sender: string, person: string, session: boolean): Stop | undefined {
    const stop = this.#standing(sender, person, session);
    return session && stop?.confirmed === false ? undefined : stop;
  }

  /** The id under which the message with this correlation was taken first. */
  takenAs(correlation: string): string | undefined {
    return this.#takenAs.get(correlation);
  }

  /** A customer who writes on wants an answer, but no templates before another opt-in. */
  #standing(sender: string, person: string, session: boolean): Stop | undefined {
    const stop = this.#stops.get(personOf(person));
    if (stop === undefined || (this.#optedInAt.get(personOf(person)) ?? Number.NEGATIVE_INFINITY) > stop.at)
      return undefined;
    const wroteOn = (this.#wroteAt.get(chatOf(sender, person)) ?? Number.NEGATIVE_INFINITY) > stop.at;
    return session && wroteOn ? undefined : stop;
  }

  #stop(person: string, at: number): void {
    const known = this.#stops.get(person);
    if (known === undefined || at > known.at) this.#stops.set(person, { at, toldAtMs: Date.now(), confirmed: false });
  }
}

const personOf = (person: string): string => person.replace(/^\+/u, '');
const chatOf = (sender: string, person: string): string => `${sender}/${personOf(person)}`;
