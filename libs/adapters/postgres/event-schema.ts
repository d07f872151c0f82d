import type { Schema } from './migrate.js';

/**
 * Appends take one lock until they commit, so positions appear in their order and a reader never passes a gap that is
 * filled later. What that costs is paid back by groups of appends (group-commit.ts). Being one statement, an append
 * cannot keep the lock when its client dies.
 *
 * Names and ids compare by their bytes (`collate "C"`), here and in the other schemas: a language's order, which the
 * database has by default, costs more and means nothing for them.
 */
export const eventSchema: Schema = {
  name: 'tidegate_log',
  scripts: [
    `
    create table events (
      position    bigint generated always as identity,
      category    text collate "C" not null,
      stream      text collate "C" not null,
      revision    bigint not null,
      id          uuid   not null,
      type        text   not null,
      data        text   not null,
      metadata    text   not null,
      recorded_at bigint not null,
      primary key (category, position),
      unique (stream, revision)
    );

    -- In the order of the log at most so many; what is behind so many bytes of data and metadata has to wait. Of events
    -- at known positions only their place and id. All as one text, a JSON array of
    -- [position, stream, revision, id, type, recorded_at, data, metadata]: a row for each costs a client more than to
    -- parse it. Where to stop is found out first, so that what is sorted there are numbers.
    create function events_after(categories text, after bigint, at_most int, at_most_bytes int, known int8multirange)
    returns table (events text, bytes bigint) language sql stable as $$
      with last as materialized (
        select max(n.position) as position, max(n.total) as bytes
        from (
          select sized.position, sized.bytes, sum(sized.bytes) over (order by sized.position rows unbounded preceding) as total
          from (
            select e.position, octet_length(e.data) + octet_length(e.metadata) as bytes
            from unnest(string_to_array(categories, E'\\n')) as c(category)
            cross join lateral (
              select * from tidegate_log.events e
              where e.category = c.category and e.position > after
              order by e.position limit at_most
            ) e
            order by e.position limit at_most
          ) sized
        ) n
        where n.total - n.bytes < at_most_bytes
      )
      select
        '[' || string_agg(
          '[' || e.position || ',' || to_json(e.stream) || ',' || e.revision || ',"' || e.id || '",' || to_json(e.type)
            || ',' || e.recorded_at || case
              when e.position <@ known then ']'
              else ',' || e.data || ',' || e.metadata || ']'
            end,
          ',' order by e.position
        ) || ']',
        (select last.bytes from last)
      from unnest(string_to_array(categories, E'\\n')) as c(category)
      cross join lateral (
        select * from tidegate_log.events e
        where e.category = c.category and e.position > after and e.position <= (select last.position from last)
        -- Category by category: else the planner would walk the positions of all and compare afterwards.
        offset 0
      ) e
    $$;

    -- Per event: stream, its revision if appended, the stream's expected revision, and what is stored.
    -- Per append: stream, number of events.
    -- When all was new and is stored, one row with the position of the last event: those before it have the positions
    -- before it. Else a row per append: whether its events stand where they should, and the stream's revision.
    create function append_events(
      streams text, revisions text, expected text, categories text, ids text, types text, contents text, metadatas text,
      recorded bigint, total int,
      append_streams text, append_counts text
    ) returns table (stands boolean, actual bigint, last_position bigint) language plpgsql set enable_hashjoin to on as $$
    declare
      inserted int;
    begin
      perform pg_advisory_xact_lock(hashtextextended('tidegate_log appends', 0));

      insert into tidegate_log.events (category, stream, revision, id, type, data, metadata, recorded_at)
      select n.category, n.stream, n.revision, n.id, n.type, n.content, n.metadata, recorded
      from unnest(
        string_to_array(streams, E'\\n'), string_to_array(revisions, E'\\n')::bigint[],
        string_to_array(expected, E'\\n')::bigint[], string_to_array(categories, E'\\n'),
        string_to_array(ids, E'\\n')::uuid[], string_to_array(types, E'\\n'),
        string_to_array(contents, E'\\n'), string_to_array(metadatas, E'\\n')
      ) with ordinality as n(stream, revision, expected, category, id, type, content, metadata, number)
      where n.expected = coalesce((select max(e.revision) from tidegate_log.events e where e.stream = n.stream), -1)
      order by n.number;

      get diagnostics inserted = row_count;
      if inserted = total then
        return query select true, null::bigint, lastval();
        return;
      end if;

      -- Not all was new: an append succeeded, now or before, exactly if its events stand where they should.
      return query
      with standing as (
        select n.stream
        from unnest(
          string_to_array(streams, E'\\n'), string_to_array(revisions, E'\\n')::bigint[], string_to_array(ids, E'\\n')::uuid[]
        ) as n(stream, revision, id)
        join tidegate_log.events e on e.stream = n.stream and e.revision = n.revision and e.id = n.id
      ), counted as (
        select s.stream, count(*) as count from standing s group by s.stream
      )
      select
        coalesce(c.count, 0) = a.count,
        coalesce((select max(e.revision) from tidegate_log.events e where e.stream = a.stream), -1),
        null::bigint
      from unnest(
        string_to_array(append_streams, E'\\n'), string_to_array(append_counts, E'\\n')::bigint[]
      ) with ordinality as a(stream, count, number)
      left join counted c on c.stream = a.stream
      order by a.number;
    end $$;
    `,
  ],
};
