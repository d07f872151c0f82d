import { InfrastructureError } from '#application/errors';
import type { Category, Position, RecordedEvent } from '#application/ports/event-store';
import { eventOf } from '#contracts/events/codec';
import { instantOf } from '#domain/time';
import type { Database } from './database.js';
import type { KnownEvents } from './recent-events.js';

/** A text for each column, the values in the order of the log, a value a line. */
interface PageRow {
  readonly positions: string;
  readonly streams: string;
  readonly revisions: string;
  readonly ids: string;
  readonly types: string;
  readonly times: string;
  /** JSON between commas, of those events alone that this process does not know; null where it knows all. */
  readonly contents: string | null;
  readonly metadatas: string | null;
  readonly bytes: number;
}

/** What a subscription reads at once. */
export interface LogPage {
  readonly positions: readonly Position[];
  /** Of data and metadata of all. */
  readonly bytes: number;
  /** Undefined where there is nothing. */
  readonly row: PageRow | undefined;
  readonly known: KnownEvents;
}

export interface PageRequest {
  readonly after: Position;
  readonly categories: readonly Category[];
  readonly limit: number;
  /** What is behind so many bytes of data and metadata has to wait. */
  readonly maxBytes: number;
  /** The content of these is not sent. */
  readonly known: KnownEvents;
}

/**
 * A row for each event costs a client more than to parse it, and to put the values of each into one text costs the server
 * more than to read them: so a text for each column.
 * @throws InfrastructureError `database-unavailable`
 */
export const readPage = async (database: Database, request: PageRequest): Promise<LogPage> => {
  const { after, categories, limit, maxBytes, known } = request;
  const parameters = [after, limit, maxBytes, known.ranges, ...categories];
  const [row] = await database.query<PageRow>(pageStatement(categories.length), parameters);
  return { positions: row?.positions.split('\n').map(Number) ?? [], bytes: row?.bytes ?? 0, row, known };
};

/**
 * Where the page ends is found out first, so that what is summed there are numbers. Each category is walked along the
 * primary key for itself, and the walks are merged: Postgres would else sort all of them, or walk the positions of all
 * categories and compare afterwards.
 */
const pageStatement = (categories: number): string => {
  const walk = (columns: string, end: string): string =>
    Array.from(
      { length: categories },
      (_, index) => `(
        select ${columns} from tidegate_log.events e
        where e.category = $${5 + index} and e.position > $1 ${end} order by e.position limit $2
      )`,
    ).join(' union all ');
  return `with last as materialized (
       select max(n.position) as position, max(n.total)::bigint as bytes
       from (
         select p.position, p.bytes, sum(p.bytes) over (order by p.position rows unbounded preceding) as total
         from (
           select * from (
             ${walk('e.position, octet_length(e.data) + octet_length(e.metadata) as bytes', '')}
           ) u order by u.position limit $2
         ) p
       ) n
       where n.total - n.bytes < $3
     )
     select
       string_agg(e.position::text, E'\\n') as positions,
       string_agg(e.stream, E'\\n') as streams,
       string_agg(e.revision::text, E'\\n') as revisions,
       string_agg(e.id::text, E'\\n') as ids,
       string_agg(e.type, E'\\n') as types,
       string_agg(e.recorded_at::text, E'\\n') as times,
       string_agg(e.data, ',') filter (where not e.position <@ $4::int8multirange) as contents,
       string_agg(e.metadata, ',') filter (where not e.position <@ $4::int8multirange) as metadatas,
       (select last.bytes from last) as bytes
     from (
       select * from (${walk('*', 'and e.position <= (select last.position from last)')}) u order by u.position
     ) e
     having count(*) > 0`;
};

/** A page's events, and those of them that were parsed; undefined where the log is not the one that was known. */
export const eventsOf = ({
  positions,
  row,
  known,
}: LogPage): { readonly events: readonly RecordedEvent[]; readonly parsed: readonly RecordedEvent[] } | undefined => {
  if (row === undefined) return { events: [], parsed: [] };
  const streams = row.streams.split('\n');
  const revisions = row.revisions.split('\n');
  const ids = row.ids.split('\n');
  const types = row.types.split('\n');
  const times = row.times.split('\n');
  const contents = parsedValues(row.contents, positions);
  const metadatas = parsedValues(row.metadatas, positions);
  const events: RecordedEvent[] = [];
  const parsed: RecordedEvent[] = [];
  for (const [index, position] of positions.entries()) {
    const id = ids[index] ?? '';
    let event = known.at(position);
    if (event === undefined) {
      const content = eventOf(types[index] ?? '', contents[parsed.length], metadatas[parsed.length]);
      event = {
        id,
        event: content.event,
        metadata: content.metadata,
        stream: streams[index] ?? '',
        revision: Number(revisions[index]),
        position,
        recordedAt: instantOf(Number(times[index])),
      };
      parsed.push(event);
    } else if (event.id !== id) return undefined;
    events.push(event);
  }
  if (parsed.length !== contents.length || parsed.length !== metadatas.length) throw undecodable(positions);
  return { events, parsed };
};

const parsedValues = (json: string | null, positions: readonly Position[]): readonly unknown[] => {
  if (json === null) return [];
  try {
    const values: unknown = JSON.parse(`[${json}]`);
    return Array.isArray(values) ? values : [];
  } catch (cause) {
    throw undecodable(positions, cause);
  }
};

const undecodable = (positions: readonly Position[], cause?: unknown): InfrastructureError =>
  new InfrastructureError(
    'event-undecodable',
    `At a position from ${positions[0]} to ${positions.at(-1)} an event is stored that is no JSON.`,
    { cause },
  );
