import type { Schema } from './migrate.js';

/**
 * A partition's offsets are given out under a lock on its row until the commit: so they have no gaps, and a reader
 * never passes one that appears later. A claim says which member of a group reads a partition; its epoch grows with
 * each change of hands, and a commit names it, so who lost a partition can no longer commit.
 */
export const queueSchema: Schema = {
  name: 'tidegate_queue',
  scripts: [
    `
    -- clean_offset, clean_count: up to where the last compaction went, and how many messages it left.
    create table partitions (
      topic        text collate "C" not null,
      partition    int    not null,
      next_offset  bigint not null default 0,
      compacted    boolean not null default false,
      clean_offset bigint  not null default 0,
      clean_count  bigint  not null default 0,
      primary key (topic, partition)
    ) with (fillfactor = 50);

    -- body: JSON of key, value and headers.
    create table messages (
      topic     text collate "C" not null,
      partition int    not null,
      "offset"  bigint not null,
      at        bigint not null,
      body      text   not null,
      primary key (topic, partition, "offset")
    );

    -- topics: one a line.
    create table members (
      consumer_group text collate "C" not null,
      member         uuid not null,
      topics         text not null,
      expires_at     timestamptz not null,
      primary key (consumer_group, member)
    ) with (fillfactor = 50);

    create table claims (
      consumer_group text collate "C" not null,
      topic          text collate "C" not null,
      partition      int    not null,
      owner          uuid,
      epoch          bigint not null default 0,
      next_offset    bigint not null default 0,
      used_at        timestamptz not null default clock_timestamp(),
      primary key (consumer_group, topic, partition)
    ) with (fillfactor = 50);

    create function enqueue(topics text, partitions text, bodies text, taken_at bigint) returns void
    language plpgsql set enable_hashjoin to on as $$
    begin
      -- In one order for all, so that two producers never wait for each other.
      perform 1 from tidegate_queue.partitions p
      where (p.topic, p.partition) in (
        select * from unnest(string_to_array(topics, E'\\n'), string_to_array(enqueue.partitions, E'\\n')::int[])
      )
      order by p.topic, p.partition
      for update;

      with incoming as (
        select i.*, row_number() over (partition by i.topic, i.partition order by i.number) - 1 as index
        from unnest(
          string_to_array(topics, E'\\n'), string_to_array(enqueue.partitions, E'\\n')::int[], string_to_array(bodies, E'\\n')
        ) with ordinality as i(topic, partition, body, number)
      ), counted as (
        select i.topic, i.partition, count(*) as count from incoming i group by i.topic, i.partition
      ), moved as (
        update tidegate_queue.partitions p set next_offset = p.next_offset + c.count
        from counted c where p.topic = c.topic and p.partition = c.partition
        returning p.topic, p.partition, p.next_offset - c.count as first
      )
      insert into tidegate_queue.messages (topic, partition, "offset", at, body)
      select i.topic, i.partition, m.first + i.index, taken_at, i.body
      from incoming i join moved m on m.topic = i.topic and m.partition = i.partition;
    end $$;

    -- Of each partition at most so many; what is behind so many bytes has to wait. As one text, a JSON array of
    -- [number of the partition, offset, at, body]: a row for each costs a client more than to parse it.
    create function messages_after(topics text, partitions text, offsets text, at_most int, at_most_bytes int)
    returns text language sql stable as $$
      select '[' || string_agg(
        '[' || p.number || ',' || m."offset" || ',' || m.at || ',' || m.body || ']', ',' order by p.number, m."offset"
      ) || ']'
      from unnest(
        string_to_array(topics, E'\\n'), string_to_array(messages_after.partitions, E'\\n')::int[],
        string_to_array(offsets, E'\\n')::bigint[]
      ) with ordinality as p(topic, partition, next, number)
      cross join lateral (
        select
          next."offset", next.at, next.body,
          sum(octet_length(next.body)) over (order by next."offset" rows unbounded preceding) as bytes
        from (
          select * from tidegate_queue.messages m
          where m.topic = p.topic and m.partition = p.partition and m."offset" >= p.next
          order by m."offset" limit at_most
        ) next
      ) m
      where m.bytes - octet_length(m.body) < at_most_bytes
    $$;

    -- Of each partition the oldest messages, at most so many, that are older than the time and that every group has
    -- finished; a group without members counts until it was idle for so long, and so does one whose members died: their
    -- rows stay where nobody of the group comes back. A compacted topic keeps the last message of each key. Returns how
    -- many were removed.
    create function remove_finished(before bigint, idle_ms bigint, at_most int) returns int
    language plpgsql as $$
    declare
      place record;
      unfinished bigint;
      last bigint;
      removed int;
      total int := 0;
    begin
      for place in select p.topic, p.partition from tidegate_queue.partitions p where not p.compacted loop
        select min(c.next_offset) into unfinished
        from tidegate_queue.claims c
        where c.topic = place.topic and c.partition = place.partition and (
          c.used_at > clock_timestamp() - idle_ms * interval '1 millisecond'
          or exists (
            select from tidegate_queue.members g
            where g.consumer_group = c.consumer_group
              and g.expires_at > clock_timestamp() - idle_ms * interval '1 millisecond'
          )
        );

        select max(oldest."offset") into last
        from (
          select m."offset", m.at from tidegate_queue.messages m
          where m.topic = place.topic and m.partition = place.partition
          order by m."offset" limit at_most
        ) oldest
        where oldest.at < before and (unfinished is null or oldest."offset" < unfinished);

        delete from tidegate_queue.messages m
        where m.topic = place.topic and m.partition = place.partition and m."offset" <= last;
        get diagnostics removed = row_count;
        total := total + removed;
      end loop;
      return total;
    end $$;

    -- Compacts one partition that has grown enough since the last time: removes what a later message of its key stands
    -- in for, and tombstones from before the time. So each message is looked at about twice in all. Who reads from the
    -- start misses nothing that still holds, and offsets may have gaps. False when none has grown so.
    create function compact_one(before bigint, at_least int) returns boolean
    language plpgsql as $$
    declare
      place record;
    begin
      select p.topic, p.partition, p.next_offset into place from tidegate_queue.partitions p
      where p.compacted and p.next_offset - p.clean_offset >= greatest(at_least, p.clean_count)
      order by p.topic, p.partition limit 1;
      if not found then
        return false;
      end if;

      delete from tidegate_queue.messages m using (
        select k."offset", k.at, k.is_tombstone, row_number() over (partition by k.key order by k."offset" desc) as number
        from (
          select m."offset", m.at, m.body::json ->> 'key' as key, m.body::json ->> 'value' is null as is_tombstone
          from tidegate_queue.messages m
          where m.topic = place.topic and m.partition = place.partition and m."offset" < place.next_offset
        ) k
      ) superseded
      where m.topic = place.topic and m.partition = place.partition and m."offset" = superseded."offset"
        and (superseded.number > 1 or (superseded.is_tombstone and superseded.at < before));

      update tidegate_queue.partitions p set clean_offset = place.next_offset, clean_count = (
        select count(*) from tidegate_queue.messages m
        where m.topic = place.topic and m.partition = place.partition and m."offset" < place.next_offset
      )
      where p.topic = place.topic and p.partition = place.partition;
      return true;
    end $$;
    `,
  ],
};
