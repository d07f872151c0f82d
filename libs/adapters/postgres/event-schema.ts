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
