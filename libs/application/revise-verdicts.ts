import { evolveAccount, initialAccount, type AccountEvent, type AccountState } from '#domain/account';
import type { CustomerEvent, Decided, VerdictRevised } from '#domain/gate/events';
import { trueAt, wasTrueAt } from '#domain/history/late';
import { saidBy, usersAsRecorded } from '#domain/history/rederive';
import { evolveTemplate, initialTemplate, type TemplateEvent, type TemplateState } from '#domain/template';
import { isDecided } from '#domain/gate/verdict';
import { HOUR_MS, plus, type Instant } from '#domain/time';
import { appendSurely } from './append-surely.js';
import { InfrastructureError } from './errors.js';
import { customerEventId } from './event-ids.js';
import { templatesOf } from './history/facts-relied.js';
import { lateFact, lateVerdicts, type KnownTo, type Late, type LateElsewhere } from './history/late-verdicts.js';
import { streamsOfPerson, type PersonStream } from './history/person.js';
import type { Analytics } from './ports/analytics.js';
import type { EventStore, NewEvent, Position, RecordedEvent } from './ports/event-store.js';
import type { CustomerKey, LateFactRow, ProjectionStore, ReadModel } from './ports/read-model.js';
import { accountStream, customerStream, streamParts, templateStream } from './streams.js';

/** The name of its checkpoint. */
export const REVISER = 'reviser';

/** Late facts of one step. */
const AT_ONCE = 200;
/** Customers whose histories are in memory at a time. */
const CUSTOMERS_AT_ONCE = 50;
/** Decisions of a page, where those are looked for that a template's late event may prove wrong. */
const DECISIONS_AT_ONCE = 1_000;
/** What is behind a template's event in the log was decided later than so long after it was recorded. */
const CLOCKS_APART_MS = HOUR_MS;
const ATTEMPTS = 6;
/** So many events go into one append: it stays far below the store's limit. */
const PER_APPEND = 200;

interface Directory {
  readonly account: (account: string) => readonly AccountState[];
  readonly template: (account: string, name: string, language: string) => readonly RecordedEvent[];
}

/**
 * Says of decisions that a late fact proves wrong that they are (ADR 0025). Goes through the late facts that the read
 * model has found, in the order of the log, behind a checkpoint that moves once all is said; what is said follows from
 * the log up to the fact alone, under ids made of the decision and the fact. So whatever dies or runs twice, each is
 * said once.
 */
export class ReviseVerdicts {
  constructor(
    private readonly store: EventStore,
    private readonly readModel: Pick<ReadModel, 'lateFacts'>,
    private readonly checkpoints: Pick<ProjectionStore, 'checkpoint' | 'moveCheckpoint'>,
    private readonly analytics: Pick<Analytics, 'checkpoint' | 'decided'>,
    private readonly revised: (event: VerdictRevised) => void = () => undefined,
  ) {}

  /** One step. True: there is more. @throws InfrastructureError `checkpoint-taken` when another process does it too */
  async run(): Promise<boolean> {
    const from = await this.checkpoints.checkpoint(REVISER);
    const rows = await this.#within(await this.readModel.lateFacts(from, AT_ONCE));
    const upTo = rows.at(-1)?.position;
    if (upTo === undefined) return false;
    await this.#revise(customersOf(rows), upTo);
    for (const row of rows) await this.#reviseByTemplate(row);
    await this.checkpoints.moveCheckpoint(REVISER, from, upTo);
    return rows.length === AT_ONCE;
  }

  /** Up to the first event of a template that analytics cannot tell yet which decisions are before it. */
  async #within(rows: readonly LateFactRow[]): Promise<readonly LateFactRow[]> {
    const first = rows.findIndex(({ stream }) => streamParts(stream)?.category === 'template');
    if (first === -1) return rows;
    const checkpoint = await this.analytics.checkpoint();
    const isUpToDate = checkpoint !== undefined && (await this.store.gap(checkpoint.position, ['customer'], 1)) === 0;
    const isTold = ({ position }: LateFactRow): boolean =>
      isUpToDate || (checkpoint !== undefined && checkpoint.position >= position);
    const untold = rows.findIndex((row, index) => index >= first && !isTold(row));
    return untold === -1 ? rows : rows.slice(0, untold);
  }

  /** Whoever was decided on with the template since its event was true; found by pages, however many there are. */
  async #reviseByTemplate({ stream, position }: LateFactRow): Promise<void> {
    const parts = streamParts(stream);
    if (parts?.category !== 'template') return;
    const { account, rest } = parts;
    const [name = '', language = ''] = rest;
    const [events = []] = await this.store.readStreams([{ stream, fromRevision: 0 }]);
    const told = events.find((recorded) => recorded.position === position);
    if (told === undefined) return;
    const span = { from: told.event.at, until: plus(told.recordedAt, CLOCKS_APART_MS) };
    for (let after: { readonly at: Instant; readonly position: Position } | undefined; ;) {
      const page = await this.analytics.decided(account, span, after, DECISIONS_AT_ONCE);
      const concerned = page.filter(
        ({ position: decidedAt, template, reason }) =>
          decidedAt < position &&
          // A fallback that was refused is named by its reason alone.
          ((template?.name === name && template.language === language) || reason?.startsWith('template-') === true),
      );
      await this.#revise(keysOf(concerned), position);
      after = page.at(-1);
      if (page.length < DECISIONS_AT_ONCE || after === undefined) return;
    }
  }

  async #revise(customers: readonly CustomerKey[], upTo: Position): Promise<void> {
    for (let from = 0; from < customers.length; from += CUSTOMERS_AT_ONCE)
      await this.#reviseGroup(customers.slice(from, from + CUSTOMERS_AT_ONCE), upTo);
  }

  async #reviseGroup(customers: readonly CustomerKey[], upTo: Position): Promise<void> {
    let left = customers;
    for (let attempt = 1; left.length > 0;) {
      if (attempt > ATTEMPTS)
        throw new InfrastructureError('too-many-conflicts', `${left.length} customers kept changing while revising.`);
      const people = await this.#people(left);
      const directory = await this.#directory(people);
      const said = people.flatMap(({ key, streams }) => {
        const { account } = key;
        const end = streams.find(({ events }) => !events.some(({ event }) => event.type === 'CustomerLinked'));
        const events = end === undefined ? [] : revisionsOfPerson(account, streams, end.customer, directory, upTo);
        return end === undefined || events.length === 0 ? [] : [{ key, end, events }];
      });
      const outcomes = await appendSurely(
        this.store,
        said.map(({ key, end, events }) => ({
          stream: customerStream(key.account, end.customer),
          expectedRevision: end.events.length - 1,
          events: events.slice(0, PER_APPEND),
        })),
      );
      let hasConflicts = false;
      left = said.flatMap(({ key, events }, index) => {
        if (outcomes[index]?.kind !== 'appended') {
          hasConflicts = true;
          return [key];
        }
        for (const { event } of events.slice(0, PER_APPEND)) if (event.type === 'VerdictRevised') this.revised(event);
        return events.length > PER_APPEND ? [key] : [];
      });
      if (hasConflicts) attempt += 1;
    }
  }

  /** Each once, whichever of their aliases are named. */
  async #people(keys: readonly CustomerKey[]) {
    const own = await this.store.readStreams(
      keys.map(({ account, customer }) => ({ stream: customerStream(account, customer), fromRevision: 0 })),
    );
    const people: { readonly key: CustomerKey; readonly streams: readonly PersonStream[] }[] = [];
    const met = new Set<string>();
    for (const [index, key] of keys.entries()) {
      const events = own[index] ?? [];
      const isLinked = events.some(({ event: { type } }) => type === 'CustomerLinked' || type === 'CustomerMerged');
      const streams = isLinked ? await streamsOfPerson(this.store, key) : [{ customer: key.customer, events }];
      const names = streams.map(({ customer }) => `${key.account}/${customer}`);
      if (names.some((name) => met.has(name))) continue;
      for (const name of names) met.add(name);
      people.push({ key, streams });
    }
    return people;
  }

  /** What the decisions stood on elsewhere: accounts by revision, and the events of templates. */
  async #directory(people: readonly { readonly key: CustomerKey; readonly streams: readonly PersonStream[] }[]) {
    const wanted = new Set<string>();
    for (const { key, streams } of people) {
      wanted.add(accountStream(key.account));
      for (const { events } of streams) {
        for (const { event } of events) {
          for (const { name, language } of isDecided(event) ? templatesOf(event) : [])
            wanted.add(templateStream(key.account, name, language));
        }
      }
    }
    const names = [...wanted];
    const read =
      names.length === 0 ? [] : await this.store.readStreams(names.map((stream) => ({ stream, fromRevision: 0 })));
    const events = new Map(names.map((name, index) => [name, read[index] ?? []]));
    const accounts = new Map<string, readonly AccountState[]>();
    const directory: Directory = {
      account: (account) => {
        const known = accounts.get(account);
        if (known !== undefined) return known;
        let state = initialAccount(account);
        const states = (events.get(accountStream(account)) ?? []).map(
          ({ event, revision }) => (state = { ...evolveAccount(state, event as AccountEvent), revision }),
        );
        accounts.set(account, states);
        return states;
      },
      template: (account, name, language) => events.get(templateStream(account, name, language)) ?? [],
    };
    return directory;
  }
}

const keysOf = (rows: readonly CustomerKey[]): readonly CustomerKey[] => [
  ...new Map(rows.map(({ account, customer }) => [`${account}/${customer}`, { account, customer }])).values(),
];

const customersOf = (rows: readonly LateFactRow[]): readonly CustomerKey[] =>
  keysOf(
    rows.flatMap(({ stream }) => {
      const parts = streamParts(stream);
      return parts?.category === 'customer' ? [{ account: parts.account, customer: parts.rest[0] ?? '' }] : [];
    }),
  );

/**
 * What is to be said of a person's decisions by the facts up to a position, and is not said yet. A decision on an alias
 * that was linked since is judged by what its own stream knew, and by what came late to it or to whom it was linked to.
 */
const revisionsOfPerson = (
  account: string,
  streams: readonly PersonStream[],
  end: string,
  directory: Directory,
  upTo: Position,
): readonly NewEvent[] => {
  const isSaid = new Set<string>();
  for (const { events } of streams)
    for (const { id, event } of events) if (event.type === 'VerdictRevised') isSaid.add(id);
  const found: { readonly position: Position; readonly event: NewEvent }[] = [];
  for (const { customer, events } of streams) {
    const known = events.filter(({ position }) => position <= upTo);
    const behindLinks = streams.flatMap((other) => behindTakeover(other, customer, upTo));
    const elsewhere: LateElsewhere = (event, { position }) => [
      ...behindLinks.filter((late) => wasTrueAt(late.event as CustomerEvent, event.at)).map(lateFact),
      ...lateTemplates(account, event, position, directory, upTo),
    ];
    for (const { recorded, event, revisions } of lateVerdicts(known, knownTo(directory), elsewhere)) {
      for (const { because, was, withLateFacts } of revisions) {
        const revised: VerdictRevised = {
          type: 'VerdictRevised',
          at: because.recordedAt,
          intentId: event.intent.intentId,
          ordinal: event.ordinal,
          decision: recorded.id,
          decidedAt: event.at,
          sender: event.intent.sender,
          said: saidBy(event),
          was,
          withLateFacts,
          because: because.id,
          fact: because.event.type,
          trueAt: (because.kind === 'customer' ? trueAt(because.event) : undefined) ?? because.event.at,
        };
        // By the decision's own stream: a link that comes later makes no other event of it.
        const id = customerEventId(recorded.stream, revised);
        if (isSaid.has(id)) continue;
        const metadata = { correlationId: event.intent.intentId, causationId: because.id };
        found.push({ position: because.position, event: { id, event: revised, metadata } });
      }
    }
  }
  return found.sort((a, b) => a.position - b.position).map(({ event }) => event);
};

/** What a stream got behind its takeover of an alias: from then on it is about the same person. */
const behindTakeover = (
  { customer, events }: PersonStream,
  alias: string,
  upTo: Position,
): readonly RecordedEvent[] => {
  if (customer === alias) return [];
  const from = events.findIndex(
    ({ event }) => event.type === 'CustomerMerged' && (event.from === alias || event.aliases?.includes(alias) === true),
  );
  return from === -1 ? [] : events.slice(from + 1).filter(({ position }) => position <= upTo);
};

/** Of the templates that were judged: what was true by then, and came behind the decision. */
const lateTemplates = (
  account: string,
  event: Decided,
  position: Position,
  directory: Directory,
  upTo: Position,
): readonly Late[] =>
  templatesOf(event).flatMap(({ name, language }) =>
    directory
      .template(account, name, language)
      .filter((late) => late.position > position && late.position <= upTo && late.event.at <= event.at)
      .map((late): Late => ({
        kind: 'template',
        id: late.id,
        position: late.position,
        recordedAt: late.recordedAt,
        event: late.event as TemplateEvent,
        name,
        language,
      })),
  );

/** As the decision names it, by the log (rules §6). */
const knownTo =
  (directory: Directory): KnownTo =>
  (account, customer, event) => {
    const { accountRevision, templateRevision } = event.evidence;
    const state = directory.account(account)[accountRevision] ?? initialAccount(account);
    return {
      customer,
      account: state,
      template: (name, language): TemplateState | undefined => {
        if (templateRevision === undefined) return undefined;
        let template = initialTemplate(name, language);
        for (const { event: next, revision } of directory.template(account, name, language)) {
          if (revision > templateRevision) break;
          template = { ...evolveTemplate(template, next as TemplateEvent), revision };
        }
        return template.revision < 0 ? undefined : template;
      },
      users: usersAsRecorded(event, state),
    };
  };
