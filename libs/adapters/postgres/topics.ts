import { InfrastructureError } from '#application/errors';
import type { Database } from './database.js';
import { unavailableAs } from './failures.js';
import { lines } from './lines.js';

/** The topics and how many partitions each has: that never changes, so it is asked for once. */
export class Topics {
  readonly #partitions = new Map<string, Promise<number>>();

  constructor(
    private readonly database: Database,
    private readonly newPartitions: number,
  ) {}

  async create(topics: readonly string[]): Promise<void> {
    await Promise.all(topics.map((topic) => this.partitionsOf(topic)));
  }

  /** From now on the last message of each key stays for ever. @throws InfrastructureError `queue-unavailable` */
  async compact(topics: readonly string[]): Promise<void> {
    await unavailableAs(
      'queue-unavailable',
      this.database.query(
        `update tidegate_queue.partitions p set compacted = true
         from unnest(string_to_array($1, E'\\n')) as t(topic) where p.topic = t.topic and not p.compacted`,
        [lines(topics)],
      ),
    );
  }

  /** Makes the topic if it does not exist. @throws InfrastructureError `queue-unavailable` */
  partitionsOf(topic: string): Promise<number> {
    const known = this.#partitions.get(topic) ?? unavailableAs('queue-unavailable', this.#made(topic));
    this.#partitions.set(topic, known);
    known.catch(() => this.#partitions.delete(topic));
    return known;
  }

  async #made(topic: string): Promise<number> {
    if (!/^\P{Cc}+$/u.test(topic))
      throw new InfrastructureError('config-invalid', `Not a name of a topic: ${JSON.stringify(topic)}.`);
    const partitions = await this.database.transaction(async (transaction) => {
      // Two that make it at once must agree on the number.
      await transaction.query(`select pg_advisory_xact_lock(hashtextextended('tidegate_queue topics', 0))`);
      await transaction.query(
        `insert into tidegate_queue.partitions (topic, partition)
         select $1, partition from generate_series(0, $2::int - 1) as partition
         where not exists (select 1 from tidegate_queue.partitions where topic = $1)`,
        [lines([topic]), this.newPartitions],
      );
      return await transaction.query<{ count: number }>(
        'select count(*) as count from tidegate_queue.partitions where topic = $1',
        [topic],
      );
    });
    return partitions[0]?.count ?? 0;
  }
}
