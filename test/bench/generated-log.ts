import { evolveAccount, initialAccount, type AccountEvent } from '#domain/account';
import type { Situation } from '#domain/gate/context';
import { decide } from '#domain/gate/decide';
import type { CustomerEvent } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import type { SendIntent } from '#domain/gate/intent';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import { evolveTemplate, initialTemplate, type TemplateEvent } from '#domain/template';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, instantOf, plus, type Instant } from '#domain/time';
import { appendSurely } from '#application/append-surely';
import { customerEventId, factId } from '#application/event-ids';
import { Clock } from '#application/ports/clock';
import type { DomainEvent, EventStore } from '#application/ports/event-store';
import { accountStream, customerStream, templateStream } from '#application/streams';

// A log as a busy account writes it, made by the rules themselves, so that replay finds nothing. Per customer 14 events:
// opt-in, messages, replies and templates from decision to delivery, and refusals.

/** All is recorded in the month that it counts in: else each user would be a change of a month that is over (rules §9). */
export class LogClock extends Clock {
  now(): Instant {
    return plus(T0, 2 * DAY_MS);
  }
}

const T0 = instantOf(Date.UTC(2026, 0, 1, 9));
const ACCOUNT = 'acme';
const SENDER = '4930123456';
export const EVENTS_PER_CUSTOMER = 14 as const;
/** The first three of them: opted in, refused, wrote. */
export const SHORT = 3 as const;
const AT_ONCE = 2_000;

const accountEvents: readonly AccountEvent[] = [
  { type: 'AccountRegistered', at: T0, zone: 'Europe/Berlin' },
  { type: 'SenderRegistered', at: T0, sender: SENDER, onboardedAt: instantOf(0) },
];
const templateEvents: readonly TemplateEvent[] = [
  { type: 'TemplateApproved', at: T0, category: 'utility', parameters: [] },
];
const account = {
  ...accountEvents.reduce(evolveAccount, initialAccount(ACCOUNT)),
  revision: accountEvents.length - 1,
};
const template = { ...templateEvents.reduce(evolveTemplate, initialTemplate('receipt', 'en')), revision: 0 };

const metadata = (id: string) => ({ correlationId: id, causationId: id });

const put = (store: EventStore, stream: string, events: readonly DomainEvent[]) =>
  appendSurely(store, [
    {
      stream,
      expectedRevision: -1,
      events: events.map((event, index) => ({ id: factId(stream, String(index)), event, metadata: metadata(stream) })),
    },
  ]);

const messageAt = (at: Instant, messageId: string): CustomerEvent => ({
  type: 'CustomerMessageReceived',
  at,
  provider: 'sandbox',
  sender: SENDER,
  messageId,
  messageType: 'text',
  origin: 'customer',
  receivedAt: plus(at, SECOND_MS),
  opens: true,
  authored: true,
  policy: 'sinch-2021@1',
  personal: { from: '491701234567', name: 'Ada', text: 'Where is my order? It should have come yesterday.' },
});

const intentOf = (intentId: string, content: SendIntent['content']): SendIntent => ({
  intentId,
  sender: SENDER,
  content,
  whenClosed: 'refuse',
  whenPaused: 'refuse',
  fingerprint: '0f343b0931126a20f133d67c2b018a3b',
});
const session = { kind: 'session', messageType: 'text' } as const;
const receipt = { kind: 'template', name: 'receipt', language: 'en', parameters: [] } as const;
const personal = { to: { phone: '491701234567' }, text: 'It is on its way and will be there by noon.' };

type Step = (name: string, state: CustomerState, revision: number, at: Instant) => readonly CustomerEvent[];

const decided =
  (suffix: string, content: SendIntent['content']): Step =>
  (name, customer, customerRevision, now) => {
    const situation: Situation = {
      now,
      customer,
      customerRevision,
      account,
      template: () => template,
      activeUsers: { users: 0 },
    };
    return [decide(intentOf(`${name}-${suffix}`, content), personal, situation)];
  };

const delivered =
  (suffix: string): Step =>
  (name, state, customerRevision, at) => {
    const intentId = `${name}-${suffix}`;
    const evidence = { customerRevision, accountRevision: account.revision };
    return [
      { type: 'SendStarted', at, intentId, ordinal: 1, attempt: 1, claim: intentId, sender: SENDER, evidence },
      { type: 'SendAccepted', at: plus(at, 200), intentId, claim: intentId, providerMessageId: `wamid.${intentId}` },
      { type: 'MessageDelivered', at: plus(at, 900), intentId, providerMessageId: `wamid.${intentId}`, sender: SENDER },
    ];
  };

const steps: readonly { readonly after: number; readonly step: Step }[] = [
  {
    after: 0,
    step: (name, _state, _revision, at) => [
      { type: 'CustomerOptedIn', at, scope: 'all', source: 'form', reference: name, receivedAt: at },
    ],
  },
  { after: MINUTE_MS, step: decided('early', session) },
  { after: HOUR_MS, step: (name, _state, _revision, at) => [messageAt(at, `${name}-1`)] },
  { after: MINUTE_MS, step: decided('reply', session) },
  { after: SECOND_MS, step: delivered('reply') },
  { after: HOUR_MS, step: (name, _state, _revision, at) => [messageAt(at, `${name}-2`)] },
  { after: 26 * HOUR_MS, step: decided('late', session) },
  { after: MINUTE_MS, step: decided('receipt', receipt) },
  { after: SECOND_MS, step: delivered('receipt') },
  { after: MINUTE_MS, step: decided('again', receipt) },
];

interface Course {
  readonly name: string;
  readonly stream: string;
  state: CustomerState;
  revision: number;
  step: number;
  at: Instant;
}

const courseOf = (number: number): Course => {
  const name = `c${number}`.padEnd(26, '_');
  const at = plus(T0, number - (number % AT_ONCE));
  return { name, stream: customerStream(ACCOUNT, name), state: initialCustomer, revision: -1, step: 0, at };
};

/** The next step of one customer. */
const advanced = (one: Course) => {
  const { after, step } = steps[one.step] ?? { after: 0, step: () => [] };
  one.step += 1;
  one.at = plus(one.at, after);
  const events = step(one.name, one.state, one.revision, one.at);
  const expectedRevision = one.revision;
  for (const event of events) one.state = evolve(one.state, event);
  one.revision += events.length;
  return {
    stream: one.stream,
    expectedRevision,
    events: events.map((event) => ({ id: customerEventId(one.stream, event), event, metadata: metadata(one.name) })),
  };
};

/** Crowd after crowd: what happens to a customer lies within 28,000 events. */
function* crowds(customers: number, stepsEach: number): Generator<readonly Course[], void, void> {
  for (let from = 0; from < customers; from += AT_ONCE) {
    const crowd = Array.from({ length: AT_ONCE }, (_, index) => courseOf(from + index));
    for (let step = 0; step < stepsEach; step += 1) yield crowd;
  }
}

/** All customers at once: whose step is next is drawn, so that what happens to a customer is spread over the whole log. */
function* spreadOut(customers: number, stepsEach: number): Generator<readonly Course[], void, void> {
  const courses = Array.from({ length: customers }, (_, index) => courseOf(index));
  const turns = new Uint32Array(customers * stepsEach).map((_, index) => index % customers);
  const chance = seeded(42);
  for (let left = turns.length; left > 1; left -= 1) {
    const drawn = Math.floor(chance() * left);
    [turns[left - 1], turns[drawn]] = [turns[drawn] ?? 0, turns[left - 1] ?? 0];
  }
  for (let from = 0; from < turns.length;) {
    const crowd = new Set<Course>();
    // Nobody twice in one append.
    for (; from < turns.length && crowd.size < AT_ONCE; from += 1) {
      const course = courses[turns[from] ?? 0];
      if (course === undefined || crowd.has(course)) break;
      crowd.add(course);
    }
    yield [...crowd];
  }
}

/** A linear congruential generator (Numerical Recipes): the same draws in every run. */
export const seeded = (seed: number) => () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;

/**
 * @param perCustomer `EVENTS_PER_CUSTOMER`, or `SHORT`
 * @param spread what happens to a customer is spread over the whole log, instead of within 28,000 events
 * @returns the number of events written
 */
export const generateLog = async (
  store: EventStore,
  atLeast: number,
  perCustomer: typeof EVENTS_PER_CUSTOMER | typeof SHORT = EVENTS_PER_CUSTOMER,
  spread = false,
): Promise<number> => {
  const stepsEach = perCustomer === SHORT ? SHORT : steps.length;
  await put(store, accountStream(ACCOUNT), accountEvents);
  await put(store, templateStream(ACCOUNT, 'receipt', 'en'), templateEvents);
  const customers = AT_ONCE * Math.ceil(atLeast / (AT_ONCE * perCustomer));
  for (const crowd of (spread ? spreadOut : crowds)(customers, stepsEach)) {
    await appendSurely(store, crowd.map(advanced));
  }
  return accountEvents.length + templateEvents.length + customers * perCustomer;
};
