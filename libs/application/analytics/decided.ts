import type { SentKind } from '#domain/analytics/session';
import type { CustomerEvent } from '#domain/gate/events';
import { isVerdict, outcomes, type Verdict } from '#domain/gate/verdict';
import { HOUR_MS, instantOf, type Instant } from '#domain/time';
import type { DecidedRow, HourRow, SessionKey } from '../ports/analytics.js';
import type { Position } from '../ports/event-store.js';
import type { IntentKey } from '../ports/read-model.js';
import { intentKeyId } from '../keys.js';
import type { Noted } from './noted.js';

/** A message that the provider took. */
export interface Sent extends SessionKey {
  readonly at: Instant;
  readonly kind: SentKind;
}

/** The intent whose message the event tells about. */
const toldIntent = (event: CustomerEvent): string | undefined => {
  switch (event.type) {
    case 'SendAccepted':
    case 'SendFailed':
    case 'MessageDelivered':
    case 'MessageRead':
      return event.intentId;
    default:
      return undefined;
  }
};

/** The intents whose authorisation is not among the events, but something later is. */
export const earlierIntents = (noted: readonly Noted[]): readonly IntentKey[] => {
  const authorised = new Set<string>();
  const wanted = new Map<string, IntentKey>();
  for (const { account, customer, event } of noted) {
    if (event.type === 'SendAuthorised') {
      authorised.add(intentKeyId({ account, customer, intentId: event.intent.intentId }));
      continue;
    }
    const intentId = toldIntent(event);
    if (intentId === undefined) continue;
    const key = { account, customer, intentId };
    const id = intentKeyId(key);
    if (!authorised.has(id)) wanted.set(id, key);
  }
  return [...wanted.values()];
};

const decidedRow = ({ account, customer, position }: Noted, event: Verdict): DecidedRow => {
  const { intent } = event;
  const isFallback = event.type === 'SendAuthorised' && event.content === 'fallback';
  const content = isFallback ? event.intent.fallback : intent?.content;
  const isTaken = event.type !== 'SendCancelled';
  return {
    account,
    customer,
    intentId: isTaken ? event.intent.intentId : event.intentId,
    position,
    at: event.at,
    outcome: outcomes[event.type],
    reason: event.type === 'SendRefused' || event.type === 'SendHeld' ? event.reason : null,
    rule: isTaken ? event.rule : null,
    policy: isTaken ? event.policy : null,
    cost: isTaken ? event.cost : null,
    sender: intent?.sender ?? '',
    kind: content?.kind ?? null,
    template: content?.kind === 'template' ? { name: content.name, language: content.language } : null,
    sentAt: null,
    deliveredAt: null,
    failure: null,
  };
};

/** What became of an authorised message. The first `delivered` or `read` counts, and outweighs a failure (ADR 0011). */
const withOutcome = (row: DecidedRow, event: CustomerEvent): DecidedRow => {
  switch (event.type) {
    case 'SendAccepted':
      return { ...row, sentAt: row.sentAt ?? event.at, failure: null };
    case 'SendFailed':
      return row.deliveredAt === null ? { ...row, failure: event.code } : row;
    case 'MessageDelivered':
    case 'MessageRead':
      return { ...row, sentAt: row.sentAt ?? event.at, deliveredAt: row.deliveredAt ?? event.at, failure: null };
    default:
      return row;
  }
};

export interface DecidedFold {
  readonly decided: readonly DecidedRow[];
  readonly hours: readonly HourRow[];
  /** By the position of the event that told. */
  readonly sent: ReadonlyMap<Position, Sent>;
}

/** @param known the latest authorisations of `earlierIntents` */
export const foldDecided = (noted: readonly Noted[], known: readonly DecidedRow[]): DecidedFold => {
  const standing = new Map(known.map((row) => [intentKeyId(row), row]));
  const changed = new Map<Position, DecidedRow>();
  const hours = new Map<string, HourRow>();
  const sent = new Map<Position, Sent>();
  for (const one of noted) {
    const { account, customer, event, position } = one;
    if (isVerdict(event)) {
      const row = decidedRow(one, event);
      changed.set(position, row);
      if (row.outcome === 'authorised') standing.set(intentKeyId(row), row);
      const hour = instantOf(Math.floor(row.at / HOUR_MS) * HOUR_MS);
      const { outcome, reason } = row;
      const id = `${account}/${hour}/${outcome}/${reason ?? ''}`;
      hours.set(id, { account, hour, outcome, reason, decisions: (hours.get(id)?.decisions ?? 0) + 1 });
      continue;
    }
    const intentId = toldIntent(event);
    const row = intentId === undefined ? undefined : standing.get(intentKeyId({ account, customer, intentId }));
    if (row === undefined) continue;
    const next = withOutcome(row, event);
    if (next !== row) {
      standing.set(intentKeyId(row), next);
      changed.set(row.position, next);
    }
    // Each accepted attempt is a message; a delivery tells of one only if nobody has said that it was accepted.
    const isMessage = event.type === 'SendAccepted' || (row.sentAt === null && next.sentAt !== null);
    if (isMessage && row.kind !== null) {
      sent.set(position, { account, customer, sender: row.sender, at: event.at, kind: row.kind });
    }
  }
  return { decided: [...changed.values()], hours: [...hours.values()], sent };
};
