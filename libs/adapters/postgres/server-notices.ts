import { Client, escapeIdentifier, type ClientConfig } from 'pg';
import type { Queryable } from './database.js';
import { lines, rowsOf } from './lines.js';
import { pause, pauseMs } from './wakeup.js';

type Heard = (payload: string | undefined) => void;

/** LISTEN on a connection of its own, renewed when it breaks, and NOTIFY for many notices at a time. */
export class ServerNotices {
  readonly #listeners = new Map<string, Set<Heard>>();
  /** What is to be told next; several commits in a row need one notice. */
  readonly #untold = new Map<string, Set<string>>();
  readonly #stop = new AbortController();
  #telling: Promise<void> | undefined;
  #connected: Promise<void> | undefined;
  #client: Client | undefined;

  constructor(
    private readonly config: ClientConfig,
    private readonly database: Queryable,
  ) {}

  listen(channel: string, heard: Heard): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    if (listeners.size === 0) {
      this.#listeners.set(channel, listeners);
      this.#client?.query(`listen ${escapeIdentifier(channel)}`).then(
        // What was told before it was listened to is unknown.
        () => this.#heard(channel, undefined),
        () => this.#client?.end(),
      );
    }
    listeners.add(heard);
    this.#connected ??= this.#stayConnected();
    return () => void listeners.delete(heard);
  }

  notify(channel: string, payload: string): void {
    const payloads = this.#untold.get(channel) ?? new Set();
    this.#untold.set(channel, payloads.add(payload));
    this.#telling ??= this.#tell();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#telling;
    await this.#client?.end().catch(() => {});
    await this.#connected;
  }

  /** Apart from the transactions: NOTIFY within them would make all their commits wait for each other. */
  async #tell(): Promise<void> {
    while (this.#untold.size > 0) {
      const told = [...this.#untold].flatMap(([channel, payloads]) =>
        [...payloads].map((payload) => [channel, payload]),
      );
      this.#untold.clear();
      await this.database
        .query(
          `select pg_notify(channel, payload)
           from ${rowsOf(1, 'text', 'text')} as t(channel, payload)`,
          [lines(told.map(([channel = '']) => channel)), lines(told.map(([, payload = '']) => payload))],
        )
        .catch(() => {});
    }
    this.#telling = undefined;
  }

  async #stayConnected(): Promise<void> {
    for (let attempt = 0; !this.#stop.signal.aborted; attempt += 1) {
      const client = new Client({ ...this.config, query_timeout: 0, statement_timeout: 0 });
      const ended = new Promise<void>((resolve) => client.once('end', resolve).on('error', () => resolve()));
      client.on('notification', ({ channel, payload }) => this.#heard(channel, payload ?? ''));
      this.#client = client;
      try {
        await client.connect();
        for (const channel of this.#listeners.keys()) await client.query(`listen ${escapeIdentifier(channel)}`);
        attempt = 0;
        // Whatever was told while nobody listened is unknown.
        for (const channel of this.#listeners.keys()) this.#heard(channel, undefined);
        if (!this.#stop.signal.aborted) await ended;
      } catch {
        // Not reachable: the listeners look by themselves meanwhile.
      }
      this.#client = undefined;
      await client.end().catch(() => {});
      await pause(pauseMs(attempt, 100, 5_000), this.#stop.signal);
    }
  }

  #heard(channel: string, payload: string | undefined): void {
    for (const heard of this.#listeners.get(channel) ?? []) heard(payload);
  }
}
