import { HOUR_MS, earliest, latest, plus, type Instant } from '../time.js';
import { SESSION_MS, windowEnd } from '../window.js';

/** What can go out in a session: our session messages and templates, and what staff wrote in the business app. */
export type SentKind = 'session' | 'template' | 'echo';

/** One customer care session: from its first opener to its end, whatever order the log has them in. */
export interface Session {
  /** The id of the event that opened it. It stays when an older opener turns up. */
  readonly id: string;
  readonly openedAt: Instant;
  /** The latest opener. */
  readonly openerAt: Instant;
  /** The provider saw it closed then, before its time (rules §7). */
  readonly correctedAt?: Instant | undefined;
  /** The customer's number changed then, or with its last opener: it is over, and what is said of it counts no more (rules §11). */
  readonly changedAt?: Instant | undefined;
  /** Openers after the first. */
  readonly restarts: number;
  /** Acts of the customer by message type, calls as `call`. */
  readonly received: { readonly [type: string]: number };
  readonly sent: { readonly [kind in SentKind]: number };
  readonly firstReplyAt?: Instant | undefined;
}

/** The sessions of one customer with one sender, none overlapping another. */
export type Sessions = readonly Session[];

/** A window's own end (rules §2), without the margin. */
export const endOf = ({ openerAt, correctedAt, changedAt }: Session): Instant => {
  const end = windowEnd({ openerAt, correctedAt }) ?? plus(openerAt, SESSION_MS);
  return changedAt !== undefined && changedAt < end ? changedAt : end;
};

const nothingSent = { session: 0, template: 0, echo: 0 } as const;

const added = (a: Session['received'], b: Session['received']): Session['received'] => {
  const sum: Record<string, number> = { ...a };
  for (const type in b) sum[type] = (sum[type] ?? 0) + (b[type] ?? 0);
  return sum;
};

type Bounds = Pick<Session, 'openerAt' | 'correctedAt' | 'changedAt'>;

const maximum = (a: Instant | undefined, b: Instant | undefined): Instant | undefined =>
  a === undefined || b === undefined ? (a ?? b) : latest(a, b);

/** What one that two turn out to be ends by. An opener that was told after the number changed counts alone, as the gate has it. */
const boundsOf = (a: Session, b: Session): Bounds => {
  const [over, other] = a.changedAt === undefined ? [b, a] : [a, b];
  if (over.changedAt !== undefined && other.changedAt === undefined)
    return endOf(other) > over.changedAt ? other : over;
  return {
    openerAt: latest(a.openerAt, b.openerAt),
    correctedAt: maximum(a.correctedAt, b.correctedAt),
    changedAt: maximum(a.changedAt, b.changedAt),
  };
};

/** Two that turn out to be one, which has the id of the one that began first, or of `known` where they begin together. */
const joined = (known: Session, other: Session): Session => {
  const first = other.openedAt < known.openedAt ? other : known;
  const { openerAt, correctedAt, changedAt } = boundsOf(known, other);
  return {
    id: first.id,
    openedAt: first.openedAt,
    openerAt,
    correctedAt,
    changedAt,
    restarts: known.restarts + other.restarts + 1,
    received: added(known.received, other.received),
    sent: {
      session: known.sent.session + other.sent.session,
      template: known.sent.template + other.sent.template,
      echo: known.sent.echo + other.sent.echo,
    },
    firstReplyAt: earliest(known.firstReplyAt, other.firstReplyAt),
  };
};

/** Joins the session with those that it overlaps; half-open, so that one which begins at the end of another is new. */
const withSession = (sessions: Sessions, session: Session, until: Instant): Sessions => {
  const overlaps = (known: Session): boolean =>
    session.openedAt === known.openedAt ||
    (known.openedAt < until &&
      (session.openedAt < endOf(known) || (session.openedAt === known.correctedAt && known.changedAt === undefined)));
  const [first, ...others] = sessions.filter(overlaps).sort((a, b) => a.openedAt - b.openedAt);
  if (first === undefined) return [...sessions, session];
  const whole = others.reduce(joined, joined(first, { ...session, id: first.id }));
  return [...sessions.filter((known) => !overlaps(known)), whole];
};

/** An opener: a new session, a restart, or what joins two. @param type of the customer's act */
export const withOpening = (sessions: Sessions, id: string, at: Instant, type: string): Sessions => {
  const cut = sessions.find(
    ({ openedAt, correctedAt, changedAt }) =>
      correctedAt !== undefined && changedAt === undefined && openedAt <= at && at <= correctedAt,
  )?.correctedAt;
  const opened: Session = {
    id,
    openedAt: at,
    openerAt: at,
    restarts: 0,
    received: { [type]: 1 },
    sent: nothingSent,
  };
  return withSession(sessions, opened, earliest(plus(at, SESSION_MS), cut) ?? at);
};

/** Only an opener after the refused attempt's start opens the window again, so then there is nothing to correct. */
export const withRefusedAttempt = (sessions: Sessions, startedAt: Instant): Sessions =>
  sessions.map((session) =>
    session.openerAt <= startedAt && startedAt < endOf(session)
      ? { ...session, correctedAt: startedAt, changedAt: undefined }
      : session,
  );

/**
 * The number changed: nothing that is known by now opens a window any more, also what is later than the change (rules §11).
 * Marked is what an opener told from now on could have joined.
 */
export const withNumberChanged = (sessions: Sessions, at: Instant): Sessions =>
  sessions.map((session) => {
    const { openerAt, correctedAt, changedAt } = session;
    const reaches = plus(latest(correctedAt, openerAt), SESSION_MS);
    return changedAt === undefined && reaches > at ? { ...session, changedAt: latest(openerAt, at) } : session;
  });

const changed = (sessions: Sessions, session: Session | undefined, to: (session: Session) => Session): Sessions =>
  session === undefined ? sessions : sessions.map((known) => (known === session ? to(known) : known));

const holding = (sessions: Sessions, at: Instant): Session | undefined =>
  sessions.find((session) => session.openedAt <= at && at < endOf(session));

/** An act that opens nothing counts in the session that it falls into, if any. */
export const withReceived = (sessions: Sessions, at: Instant, type: string): Sessions =>
  changed(sessions, holding(sessions, at), (session) => ({
    ...session,
    received: added(session.received, { [type]: 1 }),
  }));

/** So long after its end a session message that it allowed may still be accepted: far longer than any attempt takes. */
export const ALLOWED_MS = 24 * HOUR_MS;

/**
 * What went out counts in the session that it falls into, if any. A session message that was accepted only after the end
 * counts in the one that allowed it.
 */
export const withSent = (sessions: Sessions, at: Instant, kind: SentKind): Sessions => {
  const allowing = (): Session | undefined =>
    sessions
      .filter((session) => session.openedAt <= at && at < endOf(session) + ALLOWED_MS)
      .sort((a, b) => b.openedAt - a.openedAt)[0];
  const session = holding(sessions, at) ?? (kind === 'session' ? allowing() : undefined);
  return changed(sessions, session, (known) => ({
    ...known,
    sent: { ...known.sent, [kind]: known.sent[kind] + 1 },
    firstReplyAt: earliest(known.firstReplyAt, at),
  }));
};

/** The session with this opener, if it is still open at an instant. That of a number given up is nobody's. */
export const openAt = (sessions: Sessions, openerAt: Instant, at: Instant): Session | undefined => {
  const session = holding(sessions, openerAt);
  return session !== undefined && session.changedAt === undefined && at < endOf(session) ? session : undefined;
};

/** A survivor takes over what is open (rules §11): the session that the losing alias had, joined with its own. */
export const withTakenOver = (sessions: Sessions, session: Session): Sessions =>
  withSession(sessions, session, endOf(session));
