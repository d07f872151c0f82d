import { quietUntil } from '../calendar.js';
import { hasSender } from '../account.js';
import { earliest, latest, plus, spoken, type Instant } from '../time.js';
import { accountZone, costOf, type Judged } from './context.js';
import type { RuleId } from './events.js';
import type { HoldReason, RefusalReason } from './reasons.js';

/** What a rule finds; undefined: it lets the intent pass on to the next. */
export type Finding =
  | { readonly outcome: 'authorised'; readonly validUntil: Instant; readonly usesSlot: boolean }
  | { readonly outcome: 'refused'; readonly reason: RefusalReason; readonly remedy: string }
  | { readonly outcome: 'held'; readonly reason: HoldReason; readonly wakeAt?: Instant | undefined }
  | { readonly outcome: 'expired' }
  | { readonly outcome: 'fallback' };

export interface Rule {
  readonly id: RuleId;
  /** What it can be evaluated on; elsewhere the trace says `not-applicable`. */
  readonly on: 'session' | 'template' | 'any';
  readonly finds: (j: Judged) => Finding | undefined;
}

const refused = (reason: RefusalReason, remedy: string): Finding => ({ outcome: 'refused', reason, remedy });

const named = (j: Judged): string => `${j.template?.name}/${j.template?.language}`;

const permitUntil = (j: Judged, until: Instant): Instant => earliest(until, j.expiresAt) ?? until;

/** The confirmation that an opt-out may be followed by, once (rules §4). */
export const confirmsOptOut = (j: Judged): boolean => {
  if (j.template !== undefined || j.intent.purpose !== 'opt-out-confirmation') return false;
  const { consents, confirmed } = j.situation.customer;
  if (consents.all?.status !== 'out') return false;
  return confirmed === undefined || confirmed.optOutAt !== consents.all.at || confirmed.outcome === 'failed';
};

/** An `all` opt-out stands against session messages until the customer writes again to this sender (rule 5). */
const sessionOptedOut = (j: Judged): boolean => {
  const all = j.situation.customer.consents.all;
  if (all?.status !== 'out') return false;
  const openerAt = j.situation.customer.windows[j.intent.sender]?.openerAt;
  return (openerAt === undefined || openerAt <= all.at) && !confirmsOptOut(j);
};

/** When the last of the cooldowns that concern the content ends; while nobody told its category, all of them do (ADR 0010). */
const cooledDown = (j: Judged): Instant | undefined => {
  let rests: Instant | undefined;
  for (const { scope, until, exceptInWindow } of j.situation.customer.cooldowns) {
    const concerns = scope === 'all' || scope === j.category || (j.known !== undefined && j.category === undefined);
    if (concerns && j.now < until && !(exceptInWindow && j.open)) rests = latest(rests, until);
  }
  return rests;
};

/** The decision, rule by rule, in the order in which they decide (rules §6). The first that finds something decides. */
export const rules: readonly Rule[] = [
  {
    id: '3',
    on: 'any',
    finds: (j) => {
      if (!hasSender(j.situation.account, j.intent.sender)) {
        return refused(
          'invalid-intent',
          `sender: register ${j.intent.sender} with the account, or name one of its senders`,
        );
      }
      const { expiresAt, sendAt } = j.intent;
      if (expiresAt !== undefined && sendAt !== undefined && expiresAt <= sendAt) {
        return refused('invalid-intent', 'expiresAt: name an instant after sendAt');
      }
      return j.expiresAt !== undefined && j.now >= j.expiresAt ? { outcome: 'expired' } : undefined;
    },
  },
  {
    id: '4',
    on: 'any',
    finds: ({ intent: { sendAt }, now }) =>
      sendAt !== undefined && sendAt > now ? { outcome: 'held', reason: 'scheduled', wakeAt: sendAt } : undefined,
  },
  {
    id: '5',
    on: 'any',
    finds: (j) => {
      if (j.template === undefined) {
        return sessionOptedOut(j) ? refused('opted-out', 'the customer writes again, or opts in to all') : undefined;
      }
      if (j.known === undefined || j.consent?.status !== 'out') return undefined;
      const remedy =
        j.category === undefined
          ? `approve template ${named(j)} with its category, or the customer opts in to every category`
          : `the customer opts in to ${j.category}`;
      return refused('opted-out', remedy);
    },
  },
  {
    id: '5a',
    on: 'any',
    finds: (j) => {
      const until = cooledDown(j);
      return until === undefined ? undefined : refused('recipient-cooldown', `send ${spoken(until - j.now)} later`);
    },
  },
  {
    id: '5b',
    on: 'any',
    finds: (j) => {
      const { quietHours } = j.policy;
      const until = quietHours === null ? undefined : quietUntil(j.now, quietHours, accountZone(j));
      return until === undefined ? undefined : { outcome: 'held', reason: 'quiet-hours', wakeAt: until };
    },
  },
  {
    id: '6',
    on: 'session',
    finds: (j) => (j.open && j.end !== undefined ? inWindow(j, j.end) : undefined),
  },
  {
    id: '7',
    on: 'session',
    finds: (j) => {
      if (j.open) return undefined;
      if (j.intent.whenClosed === 'fallback' && j.intent.fallback !== undefined) return { outcome: 'fallback' };
      if (j.intent.whenClosed === 'hold') return { outcome: 'held', reason: 'window-closed' };
      return refused('window-closed', whyClosed(j));
    },
  },
  {
    id: '8',
    on: 'template',
    finds: (j) => {
      const status = j.known?.status;
      if (j.known === undefined || status === undefined)
        return refused('template-unknown', `approve template ${named(j)}`);
      if (status === 'PAUSED') {
        return j.intent.whenPaused === 'hold'
          ? { outcome: 'held', reason: 'template-paused' }
          : refused(
              'template-paused',
              `wait until template ${named(j)} is approved again, or send with whenPaused: hold`,
            );
      }
      if (status === 'DISABLED') return refused('template-disabled', `use another template than ${named(j)}`);
      if (status !== 'APPROVED') return refused('template-not-approved', `approve template ${named(j)}`);
      const given = j.template?.parameters ?? [];
      const missing = j.known.parameters?.filter((name) => !given.includes(name)) ?? [];
      return missing.length === 0
        ? undefined
        : refused('invalid-intent', `parameters: fill ${missing.join(', ')} of ${named(j)}`);
    },
  },
  {
    id: '9',
    on: 'template',
    finds: (j) => (j.open && j.end !== undefined ? inWindow(j, j.end) : undefined),
  },
  {
    id: '10',
    on: 'template',
    finds: (j) => {
      if (j.open || j.consent?.status === 'in') return undefined;
      // A customer's message may be an implied opt-in while its window lasts; never against an explicit word (rules §4).
      const implied = j.policy.impliedOptIn && j.consent === undefined && j.end !== undefined && j.now < j.end;
      return implied
        ? undefined
        : refused(
            'not-opted-in',
            j.intent.former === true ? GIVEN_UP : `the customer opts in to ${j.category ?? 'all'}, or writes`,
          );
    },
  },
  {
    id: '11',
    on: 'template',
    finds: (j) =>
      !j.open && j.end !== undefined && j.policy.slots !== null && j.slotsUsed >= j.policy.slots
        ? refused('awaiting-reply', 'the customer writes')
        : undefined,
  },
  {
    id: '12',
    on: 'template',
    finds: (j) =>
      j.open
        ? undefined
        : { outcome: 'authorised', validUntil: permitUntil(j, plus(j.now, j.policy.permitLifeMs)), usesSlot: true },
  },
];

const inWindow = (j: Judged, end: Instant): Finding => ({
  outcome: 'authorised',
  validUntil: permitUntil(j, plus(end, -j.policy.marginMs)),
  usesSlot: false,
});

const GIVEN_UP = 'the customer gave up this number: write to the present one';

const whyClosed = (j: Judged): string => {
  if (j.intent.former === true) return GIVEN_UP;
  const hint = j.openSender === undefined ? '' : `; the window of sender ${j.openSender} is open`;
  if (j.end === undefined) return `the customer never wrote to this sender${hint}`;
  const closedFor = j.now + j.policy.marginMs - j.end;
  return `window closed ${spoken(closedFor)} ago: the customer writes, or send a template${hint}`;
};

/** Rule 13 turns an authorisation: the only rule that looks at the outcome of another. */
export const allowanceRule = (j: Judged): Finding | undefined =>
  j.policy.overAllowance === 'refuse' && costOf(j.situation) === 'over-allowance'
    ? refused('mau-allowance-exceeded', 'raise the allowance of active users, or wait for the next month')
    : undefined;
