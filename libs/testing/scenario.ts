import { expect } from '@jest/globals';
import { evolveAccount, initialAccount, type AccountEvent, type AccountState } from '#domain/account';
import type { ConsentScope, TemplateCategory } from '#domain/consent';
import type { Situation } from '#domain/gate/context';
import { decide } from '#domain/gate/decide';
import type { CustomerEvent, Decided } from '#domain/gate/events';
import { fold } from '#domain/gate/evolve';
import type { IntentPersonal, SendIntent, TemplateContent } from '#domain/gate/intent';
import type { HoldReason, RefusalReason } from '#domain/gate/reasons';
import { record, type Report } from '#domain/gate/record';
import { initialCustomer } from '#domain/gate/state';
import type { PolicyOverrides, PresetName } from '#domain/policy';
import { evolveTemplate, initialTemplate, type TemplateEvent } from '#domain/template';
import { DAY_MS, instantOf, plus, type Instant } from '#domain/time';

// The language of the gate's specifications: given(facts).when(intent).at(instant).thenAuthorised().
// One customer, the senders `berlin` and `paris`, the template `hello/en`; all instants are fixed.

/** The instant of an ISO 8601 text with its offset. */
export const iso = (text: string): Instant => instantOf(Date.parse(text));
export const noon = iso('2026-05-04T12:00Z');
/** So many milliseconds after noon; before it when negative. */
export const after = (durationMs: number): Instant => plus(noon, durationMs);

const longAgo = after(-120 * DAY_MS);

export const policyOf = (overrides: PolicyOverrides, effectiveAt = longAgo, preset: PresetName = 'sinch-2021') =>
  ({ type: 'PolicyChanged', at: effectiveAt, effectiveAt, preset, version: 2, overrides }) satisfies AccountEvent;

export const allowance = (users: number) =>
  ({ type: 'AllowanceChanged', at: longAgo, effectiveAt: longAgo, users }) satisfies AccountEvent;

/** The account `acme` in UTC under the default policy, changed by the events. */
export const accountOf = (...events: readonly AccountEvent[]): AccountState => {
  const registered: readonly AccountEvent[] = [
    { type: 'AccountRegistered', at: longAgo, zone: 'UTC' },
    { type: 'SenderRegistered', at: longAgo, sender: 'berlin', onboardedAt: longAgo },
    { type: 'SenderRegistered', at: longAgo, sender: 'paris', onboardedAt: longAgo },
  ];
  const state = [...registered, ...events].reduce(evolveAccount, initialAccount('acme'));
  return { ...state, revision: registered.length + events.length - 1 };
};

type MessageReport = Extract<Report, { kind: 'message' }>;

/** A message as it comes in. Its provider's time is `at`, and it arrives then, unless the changes say otherwise. */
export const message = (at: Instant, changes: Partial<MessageReport> = {}): MessageReport => ({
  kind: 'message',
  provider: 'sandbox',
  sender: 'berlin',
  messageId: `m-${at}`,
  messageType: 'text',
  origin: 'customer',
  claimedAt: at,
  receivedAt: at,
  personal: { text: 'Hello' },
  ...changes,
});

/** The facts that a report becomes under the account's policy. */
export const recorded = (report: Report, account = accountOf()): readonly CustomerEvent[] => {
  const result = record(report, account);
  if (result.kind === 'quarantined') throw new Error(`the report is quarantined for its ${result.field}`);
  return result.events;
};

/** The customer wrote. */
export const wrote = (at: Instant, changes?: Partial<MessageReport>): readonly CustomerEvent[] =>
  recorded(message(at, changes));

const consented = (status: 'opted-in' | 'opted-out', at: Instant, scope: ConsentScope) =>
  recorded({ kind: 'consent', scope, status, source: 'form', reference: 'r-1', claimedAt: at, receivedAt: at });

export const optedIn = (at: Instant, scope: ConsentScope = 'all'): readonly CustomerEvent[] =>
  consented('opted-in', at, scope);
export const optedOut = (at: Instant, scope: ConsentScope = 'all'): readonly CustomerEvent[] =>
  consented('opted-out', at, scope);

export const hello: TemplateContent = { kind: 'template', name: 'hello', language: 'en', parameters: [] };

export const templateWas = (
  type: 'TemplateApproved' | 'TemplatePaused' | 'TemplateDisabled' | 'TemplateRejected' | 'TemplatePending',
  at = longAgo,
  category: TemplateCategory = 'utility',
  parameters: readonly string[] = [],
): TemplateEvent => ({ type, at, category, parameters });

export const intentOf = (changes: Partial<SendIntent> = {}): SendIntent => ({
  intentId: 'i-1',
  sender: 'berlin',
  content: { kind: 'session', messageType: 'text' },
  whenClosed: 'refuse',
  whenPaused: 'refuse',
  fingerprint: 'f-1',
  ...changes,
});
/** An intent for the template `hello/en`. */
export const templateIntent = (changes: Partial<SendIntent> = {}): SendIntent =>
  intentOf({ content: hello, ...changes });

export const personal: IntentPersonal = { to: { phone: '491700000001' }, text: 'Hello' };

type Type = Decided['type'];
type Of<T extends Type> = Extract<Decided, { type: T }>;

/** The decision, and what is expected of it. */
export class Outcome {
  constructor(readonly decided: Decided) {}

  thenAuthorised(expected: Partial<Of<'SendAuthorised'>> = {}): Of<'SendAuthorised'> {
    return this.#expect('SendAuthorised', expected);
  }
  thenRefused(reason: RefusalReason, expected: Partial<Of<'SendRefused'>> = {}): Of<'SendRefused'> {
    return this.#expect('SendRefused', { reason, ...expected });
  }
  thenHeld(reason: HoldReason, expected: Partial<Of<'SendHeld'>> = {}): Of<'SendHeld'> {
    return this.#expect('SendHeld', { reason, ...expected });
  }
  thenExpired(): Of<'SendExpired'> {
    return this.#expect('SendExpired', {});
  }

  #expect<T extends Type>(type: T, expected: object): Of<T> {
    // oxlint-disable-next-line jest/no-standalone-expect -- called from within a test
    expect(this.decided).toMatchObject({ type, ...expected });
    if (!isOf(this.decided, type)) throw new Error(`expected ${type}, got ${this.decided.type}`);
    return this.decided;
  }
}

const isOf = <T extends Type>(decided: Decided, type: T): decided is Of<T> => decided.type === type;

/** What is known before the intent comes. Immutable: each method returns a scenario that knows more. */
export class Scenario {
  constructor(
    private readonly events: readonly CustomerEvent[],
    private readonly account: AccountState = accountOf(),
    private readonly templateEvents: readonly TemplateEvent[] = [templateWas('TemplateApproved')],
    private readonly users = 0,
  ) {}

  /** What happened to the customer after that. */
  and(...events: readonly (CustomerEvent | readonly CustomerEvent[])[]): Scenario {
    return new Scenario([...this.events, ...events.flat()], this.account, this.templateEvents, this.users);
  }
  accountWith(...events: readonly AccountEvent[]): Scenario {
    return new Scenario(this.events, accountOf(...events), this.templateEvents, this.users);
  }
  /** The whole history of `hello/en`, instead of its approval long ago; none: nobody ever heard of it. */
  templateWith(...events: readonly TemplateEvent[]): Scenario {
    return new Scenario(this.events, this.account, events, this.users);
  }
  /** Active users of the month so far. */
  activeUsers(users: number): Scenario {
    return new Scenario(this.events, this.account, this.templateEvents, users);
  }

  situation(now: Instant): Situation {
    const { events, account, templateEvents, users } = this;
    const known =
      templateEvents.length === 0
        ? undefined
        : {
            ...templateEvents.reduce(evolveTemplate, initialTemplate('hello', 'en')),
            revision: templateEvents.length - 1,
          };
    return {
      now,
      customer: fold(events, initialCustomer),
      customerRevision: events.length - 1,
      account,
      template: (name, language) => (name === 'hello' && language === 'en' ? known : undefined),
      activeUsers: { users, position: 7 },
    };
  }

  when(intent: SendIntent): { at: (now: Instant) => Outcome } {
    return { at: (now) => new Outcome(decide(intent, personal, this.situation(now))) };
  }
}

/** The facts of the customer's stream, in the order in which they were appended. */
export const given = (...events: readonly (CustomerEvent | readonly CustomerEvent[])[]): Scenario =>
  new Scenario(events.flat());
