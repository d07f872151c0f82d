import { randomUUID } from 'node:crypto';
import type { Database, Queryable } from './database.js';
import { lines, rowsOf } from './lines.js';

const GROUPS_CHANNEL = 'tidegate_groups';

/** The right of one member to read one partition and to commit its offset, until somebody else claims it. */
export interface Claim {
  readonly topic: string;
  readonly partition: number;
  /** Grows whenever the partition changes hands: a commit with an older one is refused. */
  readonly epoch: number;
  /** The committed offset: the next message to read. */
  readonly offset: number;
}

export interface Share {
  readonly claims: readonly Claim[];
  /** Those of the claims that other members should have: to be released soon. */
  readonly surplus: readonly Claim[];
}

/** How a member comes to its partitions. Everything throws `database-unavailable`. */
export interface Membership {
  /** After so long without `renew` everything is lost. */
  readonly leaseMs: number;
  /** Calls back when `renew` may bring something new. */
  onChange(changed: () => void): () => void;
  /** Renews the lease, claims what is free up to a fair share, and tells what is held now. */
  renew(): Promise<Share>;
  /** False when the claim is lost: nothing was committed. */
  commit(claim: Claim, offset: number): Promise<boolean>;
  release(claims: readonly Claim[]): Promise<void>;
  leave(): Promise<void>;
}

interface ClaimRow {
  readonly topic: string;
  readonly partition: number;
  readonly owner: string | null;
  readonly epoch: number;
  readonly next_offset: number;
}

const claimOf = ({ topic, partition, epoch, next_offset }: ClaimRow): Claim => ({
  topic,
  partition,
  epoch,
  offset: next_offset,
});

/**
 * Sharing by leases: each member renews its own, takes what nobody living holds, and gives up what exceeds its share.
 * Partitions that need not move stay where they are. The clock of the leases is the database's.
 */
export class GroupMembership implements Membership {
  readonly #member = randomUUID();

  constructor(
    private readonly database: Database,
    private readonly group: string,
    private readonly topics: readonly string[],
    readonly leaseMs: number,
  ) {}

  onChange(changed: () => void): () => void {
    return this.database.listen(GROUPS_CHANNEL, (group) => {
      if (group === undefined || group === this.group) changed();
    });
  }

  async renew(): Promise<Share> {
    const { joined, ...share } = await this.database.transaction(async (transaction) => {
      await transaction.query(`select pg_advisory_xact_lock(hashtextextended('tidegate_queue group ' || $1, 0))`, [
        this.group,
      ]);
      const joined = await this.#renewLease(transaction);
      const living = await transaction.query<{ member: string; topics: string }>(
        'select member, topics from tidegate_queue.members where consumer_group = $1 order by member',
        [this.group],
      );
      const rows = await transaction.query<ClaimRow>(
        `select topic, partition, owner, epoch, next_offset from tidegate_queue.claims
         where consumer_group = $1 and topic in (select * from ${rowsOf(2, 'text')})
         order by topic, partition`,
        [this.group, lines(this.topics)],
      );
      const { held, surplus, wanted } = this.#shares(living, rows);
      const taken = wanted.length === 0 ? [] : await this.#take(transaction, wanted);
      return { joined, claims: [...held, ...taken].map(claimOf), surplus: surplus.map(claimOf) };
    });
    if (joined) this.database.notify(GROUPS_CHANNEL, this.group);
    return share;
  }

  async commit({ topic, partition, epoch }: Claim, offset: number): Promise<boolean> {
    const committed = await this.database.query(
      `update tidegate_queue.claims set next_offset = $6, used_at = clock_timestamp()
       where consumer_group = $1 and topic = $2 and partition = $3 and owner = $4 and epoch = $5
       returning 1`,
      [this.group, topic, partition, this.#member, epoch, offset],
    );
    return committed.length > 0;
  }

  async release(claims: readonly Claim[]): Promise<void> {
    await this.database.query(
      `update tidegate_queue.claims c set owner = null, used_at = clock_timestamp()
       from ${rowsOf(3, 'text', 'int', 'bigint')} as r(topic, partition, epoch)
       where c.consumer_group = $1 and c.owner = $2
         and c.topic = r.topic and c.partition = r.partition and c.epoch = r.epoch`,
      [
        this.group,
        this.#member,
        lines(claims.map(({ topic }) => topic)),
        lines(claims.map(({ partition }) => partition)),
        lines(claims.map(({ epoch }) => epoch)),
      ],
    );
    this.database.notify(GROUPS_CHANNEL, this.group);
  }

  async leave(): Promise<void> {
    await this.database.query(
      `with left_group as (delete from tidegate_queue.members where consumer_group = $1 and member = $2)
       update tidegate_queue.claims set owner = null, used_at = clock_timestamp()
       where consumer_group = $1 and owner = $2`,
      [this.group, this.#member],
    );
    this.database.notify(GROUPS_CHANNEL, this.group);
  }

  async #renewLease(transaction: Queryable): Promise<boolean> {
    await transaction.query(
      `delete from tidegate_queue.members
       where consumer_group = $1 and member <> $2 and expires_at < clock_timestamp()`,
      [this.group, this.#member],
    );
    const renewed = await transaction.query(
      `update tidegate_queue.members set expires_at = clock_timestamp() + $3 * interval '1 millisecond'
       where consumer_group = $1 and member = $2
       returning 1`,
      [this.group, this.#member, this.leaseMs],
    );
    if (renewed.length > 0) return false;
    await transaction.query(
      `insert into tidegate_queue.members (consumer_group, member, topics, expires_at)
       values ($1, $2, $4, clock_timestamp() + $3 * interval '1 millisecond')`,
      [this.group, this.#member, this.leaseMs, lines(this.topics)],
    );
    await transaction.query(
      `insert into tidegate_queue.claims (consumer_group, topic, partition)
       select $1, p.topic, p.partition from tidegate_queue.partitions p
       where p.topic in (select * from ${rowsOf(2, 'text')})
       on conflict do nothing`,
      [this.group, lines(this.topics)],
    );
    return true;
  }

  #shares(
    living: readonly { readonly member: string; readonly topics: string }[],
    rows: readonly ClaimRow[],
  ): { held: readonly ClaimRow[]; surplus: readonly ClaimRow[]; wanted: readonly ClaimRow[] } {
    const alive = new Set(living.map(({ member }) => member));
    const held = rows.filter(({ owner }) => owner === this.#member);
    const surplus: ClaimRow[] = [];
    const wanted: ClaimRow[] = [];
    for (const topic of this.topics) {
      const readers = living.filter(({ topics }) => topics.split('\n').includes(topic)).map(({ member }) => member);
      const partitions = rows.filter((row) => row.topic === topic);
      const mine = held.filter((row) => row.topic === topic);
      // The first members take one more each when it does not come out even: so all quotas together are all partitions.
      const rank = readers.indexOf(this.#member);
      const quota =
        Math.floor(partitions.length / readers.length) + (rank < partitions.length % readers.length ? 1 : 0);
      surplus.push(...mine.slice(quota));
      const free = partitions.filter(({ owner }) => owner === null || !alive.has(owner));
      wanted.push(...free.slice(0, Math.max(0, quota - mine.length)));
    }
    return { held, surplus, wanted };
  }

  async #take(transaction: Queryable, claims: readonly ClaimRow[]): Promise<readonly ClaimRow[]> {
    return await transaction.query<ClaimRow>(
      `update tidegate_queue.claims c set owner = $2, epoch = c.epoch + 1, used_at = clock_timestamp()
       from ${rowsOf(3, 'text', 'int')} as w(topic, partition)
       where c.consumer_group = $1 and c.topic = w.topic and c.partition = w.partition
       returning c.topic, c.partition, c.owner, c.epoch, c.next_offset`,
      [
        this.group,
        this.#member,
        lines(claims.map(({ topic }) => topic)),
        lines(claims.map(({ partition }) => partition)),
      ],
    );
  }
}

/** Reads everything, from the start, alone, and remembers nothing. */
export class LoneMembership implements Membership {
  readonly leaseMs = Infinity;

  constructor(
    private readonly database: Database,
    private readonly topics: readonly string[],
  ) {}

  onChange(): () => void {
    return () => {};
  }

  async renew(): Promise<Share> {
    const partitions = await this.database.query<{ topic: string; partition: number }>(
      `select topic, partition from tidegate_queue.partitions
       where topic in (select * from ${rowsOf(1, 'text')})`,
      [lines(this.topics)],
    );
    return { claims: partitions.map((place) => ({ ...place, epoch: 0, offset: 0 })), surplus: [] };
  }

  async commit(): Promise<boolean> {
    return await Promise.resolve(true);
  }

  async release(): Promise<void> {}

  async leave(): Promise<void> {}
}
