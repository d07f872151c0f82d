import { policyAt, type AccountState } from '../account.js';
import type { ConsentScope } from '../consent.js';
import {
  isAuthored,
  isOptOut,
  opensWindow,
  type CallOutcome,
  type InboundMessage,
  type MessageOrigin,
  type MessageType,
} from '../message.js';
import { policyVersion } from '../policy.js';
import { providerTime, type Instant } from '../time.js';
import type { CustomerFact } from './events.js';

/** What came in about a customer, before the rules classify it. `claimedAt` is the provider's or the source's time, unchecked. */
export type Report =
  | {
      readonly kind: 'message';
      readonly provider: string;
      readonly sender: string;
      readonly messageId: string;
      readonly messageType: MessageType;
      readonly origin: MessageOrigin;
      readonly claimedAt: number | undefined;
      readonly receivedAt: Instant;
      readonly personal: {
        readonly from?: string | undefined;
        readonly name?: string | undefined;
        readonly text?: string | undefined;
      };
    }
  | {
      readonly kind: 'call';
      readonly provider: string;
      readonly sender: string;
      readonly callId: string;
      readonly outcome: CallOutcome;
      readonly claimedAt: number | undefined;
      readonly receivedAt: Instant;
    }
  | {
      readonly kind: 'consent';
      readonly scope: ConsentScope;
      readonly status: 'opted-in' | 'opted-out';
      readonly source: string;
      readonly reference: string;
      readonly claimedAt: number | undefined;
      readonly receivedAt: Instant;
    };

export type Recorded =
  | {
      readonly kind: 'facts';
      readonly events: readonly CustomerFact[];
      readonly alarm?: 'unknown-message-type' | undefined;
    }
  /** The time is missing or absurd: to be looked at by a person, never guessed (rules §3, case 5). */
  | { readonly kind: 'quarantined'; readonly field: 'time' };

const notOnboarded = Number.POSITIVE_INFINITY as Instant;

/**
 * Turns what came in into facts, classified by the policy in force at its own time (rules §3, §4). Repeats are the
 * caller's to drop.
 * @param former it came by an alias that the customer gave up: it opens nothing, and opts in only where the policy lets
 *   a changed number keep its consent (ADR 0020)
 */
export const record = (report: Report, account: AccountState, former?: true): Recorded => {
  const time = providerTime(report.claimedAt, report.receivedAt);
  if (time.kind === 'absurd') return { kind: 'quarantined', field: 'time' };
  const { at } = time;
  const { receivedAt } = report;
  const clamped = time.clamped ? true : undefined;
  const claimedAt = time.clamped ? report.claimedAt : undefined;
  const policy = policyAt(account, at);
  switch (report.kind) {
    case 'consent': {
      const { scope, source, reference } = report;
      const type = report.status === 'opted-in' ? 'CustomerOptedIn' : 'CustomerOptedOut';
      if (former && type === 'CustomerOptedIn' && !policy.changedNumberKeepsConsent)
        return { kind: 'facts', events: [] };
      return { kind: 'facts', events: [{ type, at, scope, source, reference, receivedAt, clamped, claimedAt }] };
    }
    case 'call': {
      const { provider, sender, callId, outcome } = report;
      const onboardedAt = account.senders[sender]?.onboardedAt ?? notOnboarded;
      const opens = former !== true && at >= onboardedAt && policy.callsOpen.includes(outcome);
      const call: CustomerFact = {
        type: 'CustomerCallReceived',
        at,
        provider,
        sender,
        callId,
        outcome,
        receivedAt,
        clamped,
        opens,
        policy: policyVersion(policy),
        former,
      };
      return { kind: 'facts', events: [call] };
    }
    case 'message': {
      const { provider, sender, messageId, messageType, origin, personal } = report;
      const message: InboundMessage = { messageType, origin, at };
      const received: CustomerFact = {
        type: 'CustomerMessageReceived',
        at,
        provider,
        sender,
        messageId,
        messageType,
        origin,
        receivedAt,
        clamped,
        opens: former !== true && opensWindow(message, policy, account.senders[sender]?.onboardedAt ?? notOnboarded),
        authored: isAuthored(message),
        policy: policyVersion(policy),
        former,
        personal,
      };
      const alarm = messageType === 'unknown' ? 'unknown-message-type' : undefined;
      if (!isOptOut(message, personal.text, account.optOutKeywords))
        return { kind: 'facts', events: [received], alarm };
      const optedOut: CustomerFact = {
        type: 'CustomerOptedOut',
        at,
        scope: 'all',
        source: 'keyword',
        reference: messageId,
        receivedAt,
        clamped,
        claimedAt,
      };
      return { kind: 'facts', events: [received, optedOut], alarm };
    }
  }
};
