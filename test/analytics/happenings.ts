import * as fc from 'fast-check';
import { customerEventId, factId } from '#application/event-ids';
import type { DomainEvent, EventStore, NewEvent } from '#application/ports/event-store';
import { accountStream, customerStream, mauStream } from '#application/streams';
import type { CustomerEvent } from '#domain/gate/events';
import { HOUR_MS, instantOf, plus, type Instant } from '#domain/time';

// What may happen to a few customers around the end of a month, in any order of times: made without the gate, so that
// also what it would never write is folded.

export const T0 = instantOf(Date.UTC(2026, 9, 29, 12));
export const SENDERS = ['4930', '4940'] as const;

export interface Happening {
  readonly kind:
    | 'message'
    | 'reaction'
    | 'echo'
    | 'call'
    | 'authorised'
    | 'refused'
    | 'cancelled'
    | 'accepted'
    | 'failed'
    | 'delivered'
    | 'corrected'
    | 'changed'
    | 'linked'
    | 'merged'
    | 'revised'
    | 'closed'
    | 'adjusted';
  readonly account: number;
  readonly customer: number;
  readonly other: number;
  readonly sender: number;
  readonly intent: number;
  /** How long after the last one it is recorded, and how long before that it was true. */
  readonly afterHours: number;
  readonly agoHours: number;
}

const few = (max: number) => fc.integer({ min: 0, max });

export const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.record<Happening>({
    kind: fc.constantFrom(
      ...(['message', 'message', 'message', 'reaction', 'echo', 'call', 'authorised', 'authorised'] as const),
      ...([
        'refused',
        'cancelled',
        'accepted',
        'accepted',
        'failed',
        'delivered',
        'corrected',
        'changed',
        'linked',
        'merged',
        'revised',
      ] as const),
      ...(['closed', 'adjusted'] as const),
    ),
    account: few(1),
    customer: few(2),
    other: few(2),
    sender: few(1),
    intent: few(3),
    afterHours: fc.constantFrom(0, 0, 1, 10, 23, 24),
    agoHours: fc.constantFrom(0, 0, 0, 1, 12, 24, 25, 60),
  }),
  { minLength: 1, maxLength: 40 },
);

let courses = 0;

/** Appends a course with accounts and customers of its own. */
export const appended = async (
  store: EventStore,
  clock: { at: Instant },
  steps: readonly Happening[],
): Promise<void> => {
  courses += 1;
  const ids = new Set<string>();
  const revisions = new Map<string, number>();
  const put = async (stream: string, event: DomainEvent, id: string): Promise<void> => {
    const revision = revisions.get(stream) ?? -1;
    const added: NewEvent = { id, event, metadata: { correlationId: 'test', causationId: 'test' } };
    const [outcome] = await store.append([{ stream, expectedRevision: revision, events: [added] }]);
    if (outcome?.kind !== 'appended') throw new Error(`not appended to ${stream}`);
    revisions.set(stream, revision + 1);
    ids.add(id);
  };
  const accountOf = (number: number): string => `course_${courses}_${number}`;
  for (const number of [0, 1]) {
    const stream = accountStream(accountOf(number));
    const zone = number === 0 ? 'Europe/Berlin' : 'UTC';
    await put(stream, { type: 'AccountRegistered', at: T0, zone }, factId(stream, 'registered'));
  }
  const gone = new Set<string>();
  for (const [index, step] of steps.entries()) {
    clock.at = plus(clock.at, step.afterHours * HOUR_MS);
    const account = accountOf(step.account);
    const nameOf = (number: number): string => `c${courses}${number}`.padEnd(26, '_');
    const customer = nameOf(step.customer);
    const stream = customerStream(account, customer);
    // A closed stream takes no more.
    if (gone.has(stream)) continue;
    const at = plus(clock.at, -step.agoHours * HOUR_MS);
    if (step.kind === 'closed' || step.kind === 'adjusted') {
      const month = '2026-10';
      const mau = mauStream(account, month);
      const event: DomainEvent =
        step.kind === 'closed'
          ? {
              type: 'MonthClosed',
              at: clock.at,
              month,
              zone: 'UTC',
              rule: 'sent-or-received-v1',
              users: step.intent,
              position: index,
            }
          : {
              type: 'MauAdjusted',
              at: clock.at,
              month,
              customer,
              change: 1,
              because: [...ids][step.intent % ids.size] ?? '',
            };
      await put(mau, event, factId(mau, String(index)));
      continue;
    }
    const event = eventOf(step, index, at, nameOf(step.other));
    if (event.type === 'CustomerMerged') {
      if (event.from === customer) continue;
      gone.add(customerStream(account, event.from));
    }
    await put(stream, event, customerEventId(stream, event));
  }
};

const eventOf = (step: Happening, index: number, at: Instant, other: string): CustomerEvent => {
  const sender = SENDERS[step.sender] ?? SENDERS[0];
  const intentId = `i-${step.intent}`;
  const message = {
    type: 'CustomerMessageReceived',
    at,
    provider: 'sandbox',
    sender,
    messageId: String(index),
    messageType: 'text',
    origin: 'customer',
    receivedAt: at,
    opens: true,
    authored: true,
    policy: 'sinch-2021@1',
  } as const;
  const decision = {
    at,
    intent: {
      intentId,
      sender,
      content:
        step.other === 0
          ? ({ kind: 'template', name: 'receipt', language: 'en', parameters: [] } as const)
          : ({ kind: 'session', messageType: 'text' } as const),
      whenClosed: 'refuse',
      whenPaused: 'refuse',
      fingerprint: 'f',
    },
    ordinal: index,
    rule: '6',
    trace: {},
    policy: 'sinch-2021@1',
    evidence: { customerRevision: 0, accountRevision: 0 },
    cost: 'included',
    personal: { to: {} },
  } as const;
  switch (step.kind) {
    case 'reaction':
      return { ...message, messageType: 'reaction', opens: false };
    case 'echo':
      return { ...message, origin: 'echo', opens: false, authored: false };
    case 'call':
      return {
        type: 'CustomerCallReceived',
        at,
        provider: 'sandbox',
        sender,
        callId: String(index),
        outcome: 'missed',
        receivedAt: at,
        opens: step.other > 0,
        policy: 'sinch-2021@1',
      };
    case 'authorised':
      return { type: 'SendAuthorised', ...decision, content: 'own', validUntil: at, usesSlot: false };
    case 'refused':
      return { type: 'SendRefused', ...decision, reason: 'window-closed', remedy: 'the customer writes' };
    case 'cancelled':
      return { type: 'SendCancelled', at, intentId: `${intentId}-${index}` };
    case 'accepted':
      return { type: 'SendAccepted', at, intentId, claim: String(index), providerMessageId: `p${index}` };
    case 'failed':
      return { type: 'SendFailed', at, intentId, claim: String(index), code: '131026', final: true };
    case 'delivered':
      return { type: 'MessageDelivered', at, intentId, providerMessageId: `p${index}` };
    case 'corrected':
      return { type: 'WindowCorrected', at, sender, intentId, startedAt: at };
    case 'revised': {
      const said = { outcome: 'refused', reason: 'window-closed' } as const;
      return {
        type: 'VerdictRevised',
        at: plus(at, HOUR_MS),
        intentId,
        ordinal: 1,
        // Of few decisions: the latest word of each counts.
        decision: factId(intentId, String(step.other)),
        decidedAt: at,
        sender,
        said,
        was: said,
        withLateFacts: step.intent === 0 ? said : { outcome: 'authorised' },
        because: factId(intentId, `late ${index}`),
        fact: 'CustomerMessageReceived',
        trueAt: at,
      };
    }
    case 'changed':
      return { type: 'NumberChanged', at, former: [other], because: 'test' };
    case 'linked':
      return {
        type: 'CustomerLinked',
        at,
        because: 'test',
        survivor: other,
        gaveUp: step.intent > 0 ? 'this' : undefined,
      };
    case 'merged':
      return {
        type: 'CustomerMerged',
        at,
        from: other,
        fromRevision: 0,
        windows: { [sender]: { openerAt: at } },
        consents: {},
        slots: [],
        intents: {},
      };
    default:
      return message;
  }
};
