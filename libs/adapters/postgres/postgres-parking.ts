import { InfrastructureError } from '#application/errors';
import { gathered } from '#application/gathered';
import type { ReceivedMessage } from '#application/ports/message-queue';
import { Parking, type ParkedMessage } from '#application/ports/parking';
import { instantOf } from '#domain/time';
import type { Database } from './database.js';
import { fromLine, lines, rowsOf, toLine } from './lines.js';

interface ParkedRow {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly body: string;
  readonly at: number;
  readonly error: string;
  readonly parked_at: number;
}

interface ParkedKey {
  readonly group: string;
  readonly topic: string;
  readonly key: string;
}

const KEYS_AT_ONCE = 5_000;

/** The parked messages in Postgres or PGlite. */
export class PostgresParking extends Parking {
  /** The batches of several partitions are asked about together: this is asked before each. */
  readonly #isParked = gathered((asked: readonly ParkedKey[]) => this.#areParked(asked), KEYS_AT_ONCE);

  constructor(private readonly database: Database) {
    super();
  }

  async parkedKeys(group: string, topic: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const are = await this.#isParked(keys.map((key) => ({ group, topic, key })));
    return new Set(keys.filter((_, index) => are[index]));
  }

  async #areParked(asked: readonly ParkedKey[]): Promise<readonly boolean[]> {
    if (asked.length === 0) return [];
    const rows = await this.database.query<{ number: number }>(
      `select k.number from ${rowsOf(1, 'text', 'text', 'text')} with ordinality as k(consumer_group, topic, key, number)
       where exists (
         select 1 from tidegate_parking.messages m
         where m.consumer_group = k.consumer_group and m.topic = k.topic and m.key = k.key
       )`,
      [
        lines(asked.map(({ group }) => toLine(group))),
        lines(asked.map(({ topic }) => toLine(topic))),
        lines(asked.map(({ key }) => toLine(key))),
      ],
    );
    const numbers = new Set(rows.map(({ number }) => number));
    return asked.map((_, index) => numbers.has(index + 1));
  }

  async park(group: string, messages: readonly ParkedMessage[]): Promise<void> {
    if (messages.length === 0) return;
    await this.database.query(
      `insert into tidegate_parking.messages (consumer_group, topic, partition, "offset", key, body, at, error, parked_at)
       select $1, * from ${rowsOf(2, 'text', 'int', 'bigint', 'text', 'text', 'bigint', 'text', 'bigint')}
       on conflict do nothing`,
      [
        toLine(group),
        lines(messages.map(({ message }) => toLine(message.topic))),
        lines(messages.map(({ message }) => message.partition)),
        lines(messages.map(({ message }) => message.offset)),
        lines(messages.map(({ message }) => toLine(message.key))),
        lines(messages.map(({ message: { value, headers } }) => JSON.stringify({ value, headers }))),
        lines(messages.map(({ message }) => message.at)),
        lines(messages.map(({ error }) => toLine(error))),
        lines(messages.map(({ parkedAt }) => parkedAt)),
      ],
    );
  }

  async parked(
    group: string,
    topic: string,
    limit: number,
    after: Pick<ReceivedMessage, 'partition' | 'offset'> = { partition: -1, offset: 0 },
  ): Promise<readonly ParkedMessage[]> {
    const rows = await this.database.query<ParkedRow>(
      `select partition, "offset", key, body, at, error, parked_at from tidegate_parking.messages
       where consumer_group = $1 and topic = $2 and (partition, "offset") > ($4, $5)
       order by partition, "offset" limit $3`,
      [toLine(group), toLine(topic), limit, after.partition, after.offset],
    );
    return rows.map(({ partition, offset, key, body, at, error, parked_at }) => ({
      message: { topic, partition, offset, key: fromLine(key), ...bodyOf(body), at: instantOf(at) },
      error: fromLine(error),
      parkedAt: instantOf(parked_at),
    }));
  }

  async release(group: string, messages: readonly ReceivedMessage[]): Promise<void> {
    if (messages.length === 0) return;
    await this.database.query(
      `delete from tidegate_parking.messages m using ${rowsOf(2, 'text', 'int', 'bigint')} as r(topic, partition, "offset")
       where m.consumer_group = $1 and m.topic = r.topic and m.partition = r.partition and m."offset" = r."offset"`,
      [
        toLine(group),
        lines(messages.map(({ topic }) => toLine(topic))),
        lines(messages.map(({ partition }) => partition)),
        lines(messages.map(({ offset }) => offset)),
      ],
    );
  }
}

const bodyOf = (body: string): Pick<ReceivedMessage, 'value' | 'headers'> => {
  const parsed: unknown = JSON.parse(body);
  if (typeof parsed === 'object' && parsed !== null && 'value' in parsed && 'headers' in parsed) {
    const { value, headers } = parsed;
    if ((typeof value === 'string' || value === null) && isHeaders(headers)) return { value, headers };
  }
  throw new InfrastructureError('store-corrupt', 'A parked message is not what was stored.');
};

const isHeaders = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === 'object' && value !== null && Object.values(value).every((header) => typeof header === 'string');
