import type { ConsentScope, Consents } from '../consent.js';
import type { CallOutcome, MessageOrigin, MessageType } from '../message.js';
import type { Instant } from '../time.js';
import type { Window } from '../window.js';
import type { IntentPersonal, SendIntent, TemplateContent } from './intent.js';
import type { HoldReason, RefusalReason } from './reasons.js';
import type { Confirmation, Cooldown, LinkTerms, OpenIntent, Slot } from './state.js';

// Events of `customer-<account>.<id>`. The names, of events and of fields, are storage formats:
// once written they are read for ever, and change only by an upcaster (libs/contracts/events).

interface Fact {
  /** When it was true: the provider's or the source's time, or ours for what the gate itself did. */
  readonly at: Instant;
}

export type CustomerFact =
  | (Fact & {
      readonly type: 'CustomerMessageReceived';
      readonly provider: string;
      readonly sender: string;
      readonly messageId: string;
      readonly messageType: MessageType;
      readonly origin: MessageOrigin;
      readonly receivedAt: Instant;
      /** The provider's clock ran ahead, and `at` was brought back (rules §3). */
      readonly clamped?: true | undefined;
      /** The policy in force at `at` classified the message so. */
      readonly opens: boolean;
      readonly authored: boolean;
      readonly policy: string;
      /** Came by an alias that the customer had given up, and so opens nothing (ADR 0020). */
      readonly former?: true | undefined;
      readonly personal?:
        | { readonly from?: string | undefined; readonly name?: string | undefined; readonly text?: string | undefined }
        | undefined;
    })
  | (Fact & {
      readonly type: 'CustomerCallReceived';
      readonly provider: string;
      readonly sender: string;
      readonly callId: string;
      readonly outcome: CallOutcome;
      readonly receivedAt: Instant;
      readonly clamped?: true | undefined;
      readonly opens: boolean;
      readonly policy: string;
      readonly former?: true | undefined;
    })
  | (Fact & {
      readonly type: 'CustomerOptedIn' | 'CustomerOptedOut';
      readonly scope: ConsentScope;
      readonly source: string;
      /** What proves it: a form's id, the message with the keyword, a provider's request. */
      readonly reference: string;
      readonly receivedAt: Instant;
      readonly clamped?: true | undefined;
      /** The time that the source said, where it was clamped: a redelivery is clamped to another, and is the same word. */
      readonly claimedAt?: number | undefined;
    })
  /** Closes this stream: the survivor's takes over (rules §11). */
  | (LinkTerms & { readonly type: 'CustomerLinked'; readonly survivor: string })
  /** In the survivor's stream: what it took over. */
  | (Fact & {
      readonly type: 'CustomerMerged';
      readonly from: string;
      readonly fromRevision: number;
      readonly windows: { readonly [sender: string]: Window };
      readonly consents: Consents;
      readonly slots: readonly Slot[];
      readonly intents: { readonly [intentId: string]: OpenIntent };
      readonly cooldowns?: readonly Cooldown[] | undefined;
      readonly confirmed?: Confirmation | undefined;
      /** By sender: until when the messages are paid for (pair-limit.ts). */
      readonly paid?: { readonly [sender: string]: Instant } | undefined;
      readonly lastActiveAt?: Instant | undefined;
      /** The ids that the losing stream had taken over itself, and those that were given up. */
      readonly aliases?: readonly string[] | undefined;
      readonly former?: readonly string[] | undefined;
      readonly changedAt?: Instant | undefined;
      readonly decidedAt?: Instant | undefined;
      /** Of the intents, by their ids: apart, so that it can be shredded (rules §12). */
      readonly personal?: { readonly [intentId: string]: IntentPersonal } | undefined;
    })
  /** The customer gave up aliases of this stream for others of it: what was known of the old ones no longer counts (case 22). */
  | (Fact & {
      readonly type: 'NumberChanged';
      /** All ids that are given up now; any other is in use. */
      readonly former: readonly string[];
      /** By the policy at that time. */
      readonly keepsConsent?: true | undefined;
      readonly because: string;
    })
  | (Fact & {
      readonly type: 'RecipientCooledDown';
      readonly scope: ConsentScope;
      readonly until: Instant;
      /** The provider's code (platforms §2d). */
      readonly code: string;
      /** The provider still delivers inside a window (130472). */
      readonly exceptInWindow?: true | undefined;
    })
  /** The provider saw the window closed when the attempt started (rules §7). */
  | (Fact & {
      readonly type: 'WindowCorrected';
      readonly sender: string;
      readonly intentId: string;
      readonly startedAt: Instant;
    });

/** The rules of the decision by their numbers (rules §6); 1 and 2 come before there is anything to decide. */
export const ruleIds = ['3', '4', '5', '5a', '5b', '6', '7', '8', '9', '10', '11', '12', '13'] as const;
export type RuleId = (typeof ruleIds)[number];
export type RuleResult = 'passed' | 'applies' | 'not-applicable';
export type Trace = { readonly [rule in RuleId]?: RuleResult };

/** `included`: nothing new to pay for; a prediction, the provider's bill decides (rules §6). */
export type CostEffect = 'included' | 'new-active-user' | 'over-allowance';

/** What the decision stood on: enough to derive it again from the log (rules §6). */
export interface Evidence {
  /** Revision of the customer's stream before this decision. */
  readonly customerRevision: number;
  readonly accountRevision: number;
  readonly templateRevision?: number | undefined;
  /** Position in the log up to which active users were counted. */
  readonly mauPosition?: number | undefined;
  readonly windowEnd?: Instant | undefined;
  /** Another sender whose window is open (rule 7). */
  readonly openSender?: string | undefined;
  readonly consent?: { readonly status: 'in' | 'out'; readonly scope: ConsentScope; readonly at: Instant } | undefined;
  readonly templateStatus?: string | undefined;
  readonly slotsUsed?: number | undefined;
}

/** What a decision says, in the words of the read model. */
export interface Said {
  readonly outcome: 'authorised' | 'refused' | 'held' | 'expired' | 'cancelled';
  readonly reason?: string | undefined;
}

/** What all decisions say. */
export interface DecisionRecord extends Fact {
  readonly intent: SendIntent;
  /** The how-manieth decision on this intent: 1, then one more after each release or revocation. */
  readonly ordinal: number;
  readonly rule: RuleId | '7/fallback' | 'recheck' | 'cancel';
  readonly trace: Trace;
  /** The same for the fallback template, where one was judged. */
  readonly fallbackTrace?: Trace | undefined;
  readonly policy: string;
  readonly evidence: Evidence;
  readonly cost: CostEffect;
  readonly personal: IntentPersonal;
}

export type Authorisation = DecisionRecord & {
  readonly type: 'SendAuthorised';
  /** What may be sent: the intent's own content or its fallback. */
  readonly content: 'own' | 'fallback';
  readonly validUntil: Instant;
  /** Authorised by rule 12: uses a slot after a session (rule 11). */
  readonly usesSlot: boolean;
  /** Exempt from rule 5 as the one confirmation of an opt-out (rules §4). */
  readonly confirmsOptOutAt?: Instant | undefined;
};
export type Refusal = DecisionRecord & {
  readonly type: 'SendRefused';
  readonly reason: RefusalReason;
  /** What would have changed it. */
  readonly remedy: string;
};
export type Hold = DecisionRecord & {
  readonly type: 'SendHeld';
  readonly reason: HoldReason;
  /** When to look again, at the latest. */
  readonly wakeAt: Instant;
  /** The intent's own expiry, or the end of the policy's longest hold. */
  readonly expiresAt: Instant;
  readonly template?: Pick<TemplateContent, 'name' | 'language'> | undefined;
};
export type Expiry = DecisionRecord & { readonly type: 'SendExpired' };

/** The decisions that the rules take. */
export type Decided = Authorisation | Refusal | Hold | Expiry;

export type SendEvent =
  | Decided
  | (Fact & {
      readonly type: 'SendReleased';
      readonly intentId: string;
      readonly ordinal: number;
      readonly from: HoldReason;
    })
  /** `intent` is absent when the cancellation came before the intent. */
  | (Fact & {
      readonly type: 'SendCancelled';
      readonly intentId: string;
      readonly intent?: SendIntent | undefined;
      readonly reason?: string | undefined;
    })
  /** The re-check just before the call failed (rules §7); `final` when the intent is not decided once more. */
  | (Fact & {
      readonly type: 'SendRevoked';
      readonly intentId: string;
      readonly ordinal: number;
      readonly reason: RefusalReason;
      readonly final: boolean;
    })
  /** The claim: only the worker that made it may call the provider. */
  | (Fact & {
      readonly type: 'SendStarted';
      readonly intentId: string;
      readonly ordinal: number;
      readonly attempt: number;
      readonly claim: string;
      readonly sender: string;
      readonly evidence: Evidence;
    })
  | (Fact & {
      readonly type: 'SendAccepted';
      readonly intentId: string;
      readonly claim: string;
      readonly providerMessageId: string;
    })
  | (Fact & {
      readonly type: 'SendFailed';
      readonly intentId: string;
      readonly claim?: string | undefined;
      readonly code: string;
      /** Definite and no further attempt: a slot goes back. */
      readonly final: boolean;
      readonly retryAt?: Instant | undefined;
      readonly providerMessageId?: string | undefined;
      /** Who found out, where the provider never said (rules §7). */
      readonly settledBy?: string | undefined;
    })
  | (Fact & {
      readonly type: 'SendOutcomeUnknown';
      readonly intentId: string;
      readonly claim: string;
      readonly cause: string;
    })
  | (Fact & {
      readonly type: 'MessageDelivered' | 'MessageRead';
      readonly intentId?: string | undefined;
      readonly providerMessageId: string;
      readonly sender?: string | undefined;
      /** Who found out, where the provider never said (rules §7). */
      readonly settledBy?: string | undefined;
    });

/**
 * A fact that came late proves a decision wrong: with it the rules say something else. The decision stands (rules §3);
 * this says what lateness cost (ADR 0025).
 */
export type VerdictRevised = {
  readonly type: 'VerdictRevised';
  /** When the late fact was recorded. */
  readonly at: Instant;
  readonly intentId: string;
  readonly ordinal: number;
  /** The id of the decision's event, and when it was taken. */
  readonly decision: string;
  readonly decidedAt: Instant;
  readonly sender: string;
  /** As recorded. */
  readonly said: Said;
  /** By all that came late before this: `said`, until something did. */
  readonly was: Said;
  /** With this fact as well. May be `said` again: two late facts can make up for each other. */
  readonly withLateFacts: Said;
  /** The id of the late fact's event, its type, and when it was true. */
  readonly because: string;
  readonly fact: string;
  readonly trueAt: Instant;
};

export type CustomerEvent = CustomerFact | SendEvent | VerdictRevised;
export type CustomerEventType = CustomerEvent['type'];

/** What makes each fact unique within its stream: the event's id is derived from it, so a repeat is the same event. */
export const customerEventKey = (event: CustomerEvent): string => {
  switch (event.type) {
    case 'CustomerMessageReceived':
      return `message/${event.provider}/${event.sender}/${event.messageId}`;
    case 'CustomerCallReceived':
      return `call/${event.provider}/${event.sender}/${event.callId}`;
    case 'CustomerOptedIn':
    case 'CustomerOptedOut':
      return `consent/${event.type}/${event.scope}/${event.source}/${event.reference}/${event.claimedAt ?? event.at}`;
    case 'CustomerLinked':
      return `linked/${event.survivor}`;
    case 'CustomerMerged':
      return `merged/${event.from}`;
    case 'NumberChanged':
      return `number-changed/${event.because}/${event.at}`;
    case 'RecipientCooledDown':
      return `cooldown/${event.scope}/${event.code}/${event.at}`;
    case 'WindowCorrected':
      return `corrected/${event.intentId}/${event.startedAt}`;
    case 'SendAuthorised':
    case 'SendRefused':
    case 'SendHeld':
    case 'SendExpired':
      return `decision/${event.intent.intentId}/${event.ordinal}`;
    case 'SendReleased':
      return `released/${event.intentId}/${event.ordinal}`;
    case 'SendCancelled':
      return `cancelled/${event.intentId}`;
    case 'SendRevoked':
      return `revoked/${event.intentId}/${event.ordinal}`;
    case 'SendStarted':
      return `started/${event.claim}`;
    case 'SendAccepted':
      return `accepted/${event.intentId}/${event.claim}`;
    case 'SendFailed':
      // By the message that a report names, so that its repeat is the same, also once the intent is gone.
      return `failed/${event.intentId}/${event.providerMessageId ?? event.claim ?? ''}`;
    case 'SendOutcomeUnknown':
      return `unknown/${event.intentId}/${event.claim}`;
    case 'MessageDelivered':
    case 'MessageRead':
      return `${event.type}/${event.providerMessageId}`;
    case 'VerdictRevised':
      return `revised/${event.decision}/${event.because}`;
  }
};
