import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { wrote } from '#testing/scenario';
import { endOf } from '#domain/analytics/session';
import type { CustomerEvent } from '#domain/gate/events';
import { fold } from '#domain/gate/evolve';
import { takesOver } from '#domain/gate/merge';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import { HOUR_MS, instantOf, plus, type Instant } from '#domain/time';
import { windowEnd } from '#domain/window';
import type { SessionRow } from '../ports/analytics.js';
import type { Noted } from './noted.js';
import { foldSessions } from './sessions.js';

const T0 = instantOf(Date.UTC(2026, 10, 2));
const SENDERS = ['berlin', 'paris'] as const;
const CUSTOMERS = ['a', 'b', 'c'] as const;
type Customer = (typeof CUSTOMERS)[number];

/** What comes to be known, some time after the step before it and after it was true. */
interface Step {
  readonly kind: 'wrote' | 'refused' | 'changed' | 'linked';
  readonly customer: Customer;
  readonly sender: (typeof SENDERS)[number];
  readonly afterHours: number;
  readonly lateHours: number;
  readonly gaveUp: 'this' | 'survivor' | undefined;
}

const hours = fc.constantFrom(0, 1, 5, 11, 23, 24, 25);
const courses: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('wrote', 'wrote', 'wrote', 'refused', 'changed', 'changed', 'linked'),
    customer: fc.constantFrom(...CUSTOMERS),
    sender: fc.constantFrom(...SENDERS),
    afterHours: hours,
    lateHours: fc.oneof(fc.constant(0), hours),
    gaveUp: fc.constantFrom(undefined, 'this', 'survivor'),
  }),
  { minLength: 1, maxLength: 14 },
);

/** The log of the course, as the gate itself would write it, with its own fold of it. */
const recordedBy = (steps: readonly Step[]) => {
  const states: Record<Customer, CustomerState> = { a: initialCustomer, b: initialCustomer, c: initialCustomer };
  const revisions: Record<Customer, number> = { a: -1, b: -1, c: -1 };
  const noted: Noted[] = [];
  let now = T0;
  const put = (customer: Customer, events: readonly CustomerEvent[]): void => {
    states[customer] = fold(events, states[customer]);
    for (const event of events) {
      const position = noted.length + 1;
      revisions[customer] += 1;
      const revision = revisions[customer];
      noted.push({ account: 'acme', customer, id: `e${position}`, revision, position, recordedAt: now, event });
    }
  };
  for (const { kind, customer, sender, afterHours, lateHours, gaveUp } of steps) {
    now = plus(now, afterHours * HOUR_MS);
    const at = plus(now, -lateHours * HOUR_MS);
    if (states[customer].survivor !== undefined) continue;
    switch (kind) {
      case 'wrote':
        // A refusal that an alias brings along says nothing of sessions of before it: they stay with the alias.
        if (states[customer].aliases !== undefined && at <= (states[customer].windows[sender]?.correctedAt ?? 0)) break;
        put(customer, wrote(at, { sender, messageId: `m${noted.length}` }));
        break;
      case 'refused':
        // An attempt is made, and refused, where the window is open.
        if ((windowEnd(states[customer].windows[sender]) ?? now) > now)
          put(customer, [{ type: 'WindowCorrected', at: now, sender, intentId: 'i', startedAt: now }]);
        break;
      case 'changed':
        put(customer, [{ type: 'NumberChanged', at, former: [customer], because: 'test' }]);
        break;
      case 'linked': {
        const survivor = CUSTOMERS.find((one) => one !== customer && states[one].survivor === undefined);
        if (survivor === undefined) break;
        const link = { at: now, because: 'test', gaveUp };
        put(customer, [{ type: 'CustomerLinked', ...link, survivor }]);
        const loser = { customer, revision: revisions[customer], state: states[customer] };
        const own = { customer: survivor, revision: revisions[survivor], state: states[survivor] };
        put(survivor, takesOver(loser, own, [link]));
      }
    }
  }
  return { noted, states, now };
};

const nothing = {
  kind: 'wrote',
  customer: 'a',
  sender: 'berlin',
  afterHours: 0,
  lateHours: 0,
  gaveUp: undefined,
} as const;
const step = (kind: Step['kind'], of: Partial<Step> = {}): Step => ({ ...nothing, kind, ...of });
const named: readonly (readonly Step[])[] = [
  // The change is told late, after an opener that is later than it.
  [step('wrote'), step('wrote', { afterHours: 5 }), step('changed', { afterHours: 1, lateHours: 5 })],
  // An opener from before the change is told after it, and from before what the old number last wrote.
  [
    step('wrote'),
    step('wrote', { afterHours: 11 }),
    step('changed', { afterHours: 1 }),
    step('wrote', { lateHours: 5 }),
  ],
  // The same, where the provider had refused just before.
  [
    step('wrote'),
    step('refused', { afterHours: 5 }),
    step('changed', { afterHours: 1 }),
    step('wrote', { lateHours: 5 }),
  ],
  // Two openers of one instant, the number having changed between them.
  [step('wrote'), step('changed'), step('wrote')],
];

test('law: from now on a session is open as long as the window of the gate is, whatever came in whatever order', () => {
  fc.assert(
    fc.property(courses, (steps) => {
      const { noted, states, now } = recordedBy(steps);
      // The log in one batch, and event by event.
      const atOnce = foldSessions(noted, new Map(), []).sessions;
      let bit: readonly SessionRow[] = [];
      for (const one of noted) {
        const { sessions, removedSessions } = foldSessions([one], new Map(), bit);
        const replaced = [...sessions, ...removedSessions];
        const isReplaced = (row: SessionRow): boolean =>
          replaced.some(
            (other) =>
              other.customer === row.customer && other.sender === row.sender && other.openedAt === row.openedAt,
          );
        bit = [...bit.filter((row) => !isReplaced(row)), ...sessions];
      }
      const byPlace = (rows: readonly SessionRow[]) =>
        rows.toSorted((a, b) =>
          `${a.customer}${a.sender}${a.openedAt}`.localeCompare(`${b.customer}${b.sender}${b.openedAt}`),
        );
      expect(byPlace(bit)).toEqual(byPlace(atOnce));

      for (const customer of CUSTOMERS) {
        for (const sender of SENDERS) {
          const own = atOnce
            .filter((row) => row.customer === customer && row.sender === sender)
            .toSorted((a, b) => a.openedAt - b.openedAt);
          const notBefore = (end: Instant | undefined): number => Math.max(now, end ?? 0);
          // Nobody asks a closed stream whether its window is open: the survivor has it.
          const { windows, survivor } = states[customer];
          const end = survivor === undefined ? windowEnd(windows[sender]) : undefined;
          const last = Math.max(...own.map(endOf), 0);
          expect([customer, sender, notBefore(instantOf(last))]).toEqual([customer, sender, notBefore(end)]);
          for (const [index, session] of own.entries()) {
            expect(endOf(session)).toBeGreaterThanOrEqual(session.openedAt);
            expect(own[index + 1]?.openedAt ?? Infinity).toBeGreaterThanOrEqual(endOf(session));
          }
        }
      }
    }),
    { numRuns: 300, examples: named.map((steps): [typeof steps] => [steps]) },
  );
});
