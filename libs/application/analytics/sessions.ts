import {
  ALLOWED_MS,
  openAt,
  withNumberChanged,
  withOpening,
  withReceived,
  withRefusedAttempt,
  withSent,
  withTakenOver,
  type Session,
  type Sessions,
} from '#domain/analytics/session';
import { earliest, instantOf, latest, plus, type Instant } from '#domain/time';
import { SESSION_MS } from '#domain/window';
import type { AnalyticsChanges, SessionKey, SessionRow, SessionSpan } from '../ports/analytics.js';
import type { Position } from '../ports/event-store.js';
import type { Sent } from './decided.js';
import type { CustomerKey } from '../ports/read-model.js';
import { customerId } from '../keys.js';
import type { Noted } from './noted.js';

const sessionKey = (key: SessionKey): string => `${customerId(key)}/${key.sender}`;

/** Later than whatever began. */
const EVER = instantOf(Number.MAX_SAFE_INTEGER);

const spanning = (known: SessionSpan | undefined, span: SessionSpan): SessionSpan =>
  known === undefined
    ? span
    : { ...known, from: earliest(known.from, span.from) ?? span.from, until: latest(known.until, span.until) };

/** Which sessions the events may change. */
export const sessionSpans = (noted: readonly Noted[], sent: ReadonlyMap<Position, Sent>): readonly SessionSpan[] => {
  const spans = new Map<string, SessionSpan>();
  const ofAllSenders = new Map<string, SessionSpan>();
  // The one that allowed a message may be over when that is accepted.
  const before = (at: Instant): Instant => plus(at, -ALLOWED_MS - 1);
  const wants = (
    { account, customer, sender }: SessionKey,
    at: Instant,
    from = before(at),
    until = plus(at, SESSION_MS),
  ): void => {
    const key = sessionKey({ account, customer, sender });
    spans.set(key, spanning(spans.get(key), { account, customer, sender, from, until }));
  };
  const wantsAll = ({ account, customer }: CustomerKey, at: Instant): void => {
    const key = customerId({ account, customer });
    const span = { account, customer, sender: undefined, from: before(at), until: EVER };
    ofAllSenders.set(key, spanning(ofAllSenders.get(key), span));
  };
  for (const { account, customer, event, position } of noted) {
    switch (event.type) {
      case 'CustomerMessageReceived':
      case 'CustomerCallReceived':
        wants({ account, customer, sender: event.sender }, event.at);
        break;
      case 'WindowCorrected':
        wants({ account, customer, sender: event.sender }, event.startedAt);
        break;
      case 'NumberChanged':
        wantsAll({ account, customer }, event.at);
        break;
      case 'CustomerLinked':
        if (event.gaveUp === 'this') wantsAll({ account, customer }, event.at);
        break;
      case 'CustomerMerged':
        wantsAll({ account, customer: event.from }, event.at);
        for (const [sender, { openerAt, correctedAt }] of Object.entries(event.windows)) {
          if (correctedAt !== undefined) wants({ account, customer, sender }, correctedAt);
          if (openerAt === undefined) continue;
          wants({ account, customer: event.from, sender }, openerAt);
          // What is taken over may have begun long ago, and joins all that the survivor had since.
          wants({ account, customer, sender }, openerAt, instantOf(0), EVER);
        }
        break;
      default: {
        const message = sent.get(position);
        if (message !== undefined) wants(message, message.at);
      }
    }
  }
  if (ofAllSenders.size === 0) return [...spans.values()];
  const ofOne: SessionSpan[] = [];
  for (const span of spans.values()) {
    const key = customerId(span);
    const all = ofAllSenders.get(key);
    if (all === undefined) ofOne.push(span);
    else ofAllSenders.set(key, spanning(all, span));
  }
  return [...ofAllSenders.values(), ...ofOne];
};

interface Held {
  readonly key: SessionKey;
  readonly stored: readonly SessionRow[];
  sessions: Sessions;
  readonly positions: Map<Session, Position>;
}

/** @param known the sessions of `sessionSpans` */
export const foldSessions = (
  noted: readonly Noted[],
  sent: ReadonlyMap<Position, Sent>,
  known: readonly SessionRow[],
): Pick<AnalyticsChanges, 'sessions' | 'removedSessions'> => {
  const all = new Map<string, Held>();
  const keysOf = new Map<string, SessionKey[]>();
  const held = ({ account, customer, sender }: SessionKey): Held => {
    const key = { account, customer, sender };
    const id = sessionKey(key);
    const known = all.get(id);
    if (known !== undefined) return known;
    const own = { key, stored: [], sessions: [], positions: new Map<Session, Position>() };
    all.set(id, own);
    const others = keysOf.get(customerId(key));
    if (others === undefined) keysOf.set(customerId(key), [key]);
    else others.push(key);
    return own;
  };
  for (const row of known) {
    const own = held(row);
    all.set(sessionKey(row), { ...own, stored: [...own.stored, row], sessions: [...own.sessions, row] });
  }
  const change = (key: SessionKey, position: Position, to: (sessions: Sessions) => Sessions): void => {
    const own = held(key);
    const before = new Set(own.sessions);
    own.sessions = to(own.sessions);
    for (const session of own.sessions) if (!before.has(session)) own.positions.set(session, position);
  };
  const goneAt = new Map<string, Position>();
  /** @param isOver of which senders */
  const changesNumber = (
    { account, customer }: CustomerKey,
    position: Position,
    at: Instant,
    isOver: (sender: string) => boolean = () => true,
  ): void => {
    for (const key of keysOf.get(customerId({ account, customer })) ?? [])
      if (isOver(key.sender)) change(key, position, (sessions) => withNumberChanged(sessions, at));
  };

  for (const { account, customer, event, id, position } of noted) {
    const keyOf = (sender: string, of = customer): SessionKey => ({ account, customer: of, sender });
    switch (event.type) {
      case 'CustomerMessageReceived': {
        const { at, sender, messageType, origin } = event;
        change(keyOf(sender), position, (sessions) => {
          if (event.opens) return withOpening(sessions, id, at, messageType);
          if (origin === 'echo') return withSent(sessions, at, 'echo');
          return origin === 'customer' ? withReceived(sessions, at, messageType) : sessions;
        });
        break;
      }
      case 'CustomerCallReceived':
        change(keyOf(event.sender), position, (sessions) =>
          event.opens ? withOpening(sessions, id, event.at, 'call') : withReceived(sessions, event.at, 'call'),
        );
        break;
      case 'WindowCorrected':
        change(keyOf(event.sender), position, (sessions) => withRefusedAttempt(sessions, event.startedAt));
        break;
      case 'NumberChanged':
        changesNumber({ account, customer }, position, event.at);
        break;
      case 'CustomerLinked':
        if (event.gaveUp === 'this') changesNumber({ account, customer }, position, event.at);
        break;
      case 'CustomerMerged':
        // A changed number brings no windows, and so no sessions (rules §11): where it had some, they are over.
        changesNumber({ account, customer: event.from }, position, event.at, (sender) => !(sender in event.windows));
        for (const [sender, { openerAt, correctedAt }] of Object.entries(event.windows)) {
          if (correctedAt !== undefined)
            change(keyOf(sender), position, (sessions) => withRefusedAttempt(sessions, correctedAt));
          if (openerAt === undefined) continue;
          const taken = openAt(held(keyOf(sender, event.from)).sessions, openerAt, event.at);
          if (taken === undefined) continue;
          change(keyOf(sender, event.from), position, (sessions) => sessions.filter((session) => session !== taken));
          change(keyOf(sender), position, (sessions) => withTakenOver(sessions, taken));
          goneAt.set(taken.id, position);
        }
        break;
      default: {
        const message = sent.get(position);
        if (message !== undefined) {
          change(message, position, (sessions) => withSent(sessions, message.at, message.kind));
        }
      }
    }
  }

  const sessions: SessionRow[] = [];
  const removedSessions: (AnalyticsChanges['removedSessions'][number] & object)[] = [];
  const living = new Set([...all.values()].flatMap((own) => own.sessions.map(({ id }) => id)));
  for (const { key, stored, sessions: now, positions } of all.values()) {
    const places = new Set(now.map(({ openedAt }) => openedAt));
    let latest = 0;
    for (const session of now) {
      const position = positions.get(session);
      if (position === undefined) continue;
      latest = Math.max(latest, position);
      sessions.push(sessionRow(key, session, position));
    }
    for (const row of stored) {
      if (places.has(row.openedAt)) continue;
      const position = goneAt.get(row.id) ?? latest;
      removedSessions.push({ ...key, id: row.id, openedAt: row.openedAt, position, isGone: !living.has(row.id) });
    }
  }
  return { sessions, removedSessions };
};

/** Field by field: what was read as a row may carry more than a session. */
const sessionRow = ({ account, customer, sender }: SessionKey, session: Session, position: Position): SessionRow => ({
  account,
  customer,
  sender,
  id: session.id,
  openedAt: session.openedAt,
  openerAt: session.openerAt,
  correctedAt: session.correctedAt,
  changedAt: session.changedAt,
  restarts: session.restarts,
  received: session.received,
  sent: session.sent,
  firstReplyAt: session.firstReplyAt,
  position,
});
