import { InfrastructureError } from '#application/errors';
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

/** The parked messages in Postgres or PGlite. */
export class PostgresParking extends Parking {
  constructor(private readonly database: Database) {
    super();
  }

  async parkedKeys(group: string, topic: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    if (keys.length === 0) return new Set();
    const rows = await this.database.query<{ key: string }>(
      `select k.key from ${rowsOf(3, 'text')} as k(key)
       where exists (
         select 1 from tidegate_parking.messages m where m.consumer_group = $1 and m.topic = $2 and m.key = k.key
       )`,
      [toLine(group), toLine(topic), lines(keys.map(toLine))],
    );
    return new Set(rows.map(({ key }) => fromLine(key)));
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
