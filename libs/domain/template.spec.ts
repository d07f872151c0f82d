import { describe, expect, test } from '@jest/globals';
import {
  array,
  assert,
  constant,
  constantFrom,
  integer,
  property,
  record,
  shuffledSubarray,
  subarray,
  tuple,
} from 'fast-check';
import { templateCategories } from './consent.js';
import {
  categoryAt,
  evolveTemplate,
  initialTemplate,
  templateNotices,
  type TemplateEvent,
  type TemplateState,
  type TemplateStatusEvent,
} from './template.js';
import { instantOf } from './time.js';

const after = (...events: readonly TemplateEvent[]): TemplateState =>
  events.reduce(evolveTemplate, initialTemplate('order_update', 'en'));

const status = (
  type: TemplateStatusEvent['type'],
  at: number,
  more: Pick<TemplateStatusEvent, 'category' | 'parameters'> = {},
): TemplateStatusEvent => ({ type, at: instantOf(at), ...more });
const flagged = (at: number): TemplateEvent => ({ type: 'TemplateFlagged', at: instantOf(at) });
const recategorised = (category: (typeof templateCategories)[number], at: number, effectiveAt: number) =>
  ({ type: 'TemplateRecategorised', at: instantOf(at), category, effectiveAt: instantOf(effectiveAt) }) as const;

const time = integer({ min: 1, max: 5 });
const category = constantFrom(...templateCategories);
const statusTypes = [
  'TemplateApproved',
  'TemplatePending',
  'TemplateRejected',
  'TemplatePaused',
  'TemplateDisabled',
  'TemplateDeleted',
] as const;
const aStatus = record(
  {
    type: constantFrom(...statusTypes),
    at: time.map(instantOf),
    category,
    parameters: subarray(['name', 'code', 'day']),
  },
  { requiredKeys: ['type', 'at'] },
);
const history = array(
  record({ event: aStatus, kind: integer({ min: 0, max: 3 }), category, effectiveAt: time }).map(
    ({ event, kind, category: next, effectiveAt }): TemplateEvent =>
      kind === 0 ? recategorised(next, event.at, effectiveAt) : kind === 1 ? flagged(event.at) : event,
  ),
  { maxLength: 8 },
);
const inTwoOrders = history.chain((some) => tuple(constant(some), shuffledSubarray(some, { minLength: some.length })));
const essence = ({ parameters, ...rest }: TemplateState) => ({ ...rest, parameters: parameters?.toSorted() });

describe("a template's status", () => {
  test('is unknown until an event says one: a warning says none', () => {
    expect(after().status).toBeUndefined();
    expect(after(flagged(1)).status).toBeUndefined();
  });

  test('case 13: flagged leaves it as it is', () => {
    expect(after(status('TemplateApproved', 1), flagged(2)).status).toBe('APPROVED');
    expect(after(status('TemplatePaused', 1), flagged(2)).status).toBe('PAUSED');
  });

  test('case 13: a notice that the gate does not know leaves the state as it is', () => {
    const approved = after(status('TemplateApproved', 1));
    expect(evolveTemplate(approved, { type: 'TemplateNoticeUnrecognised', at: instantOf(2), notice: 'MELTED' })).toBe(
      approved,
    );
  });

  test.each(
    Object.entries({
      APPROVED: 'APPROVED',
      REINSTATED: 'APPROVED',
      UNARCHIVED: 'APPROVED',
      PENDING: 'PENDING',
      LOCKED: 'PENDING',
      LIMIT_EXCEEDED: 'PENDING',
      REJECTED: 'REJECTED',
      PAUSED: 'PAUSED',
      DISABLED: 'DISABLED',
      DELETED: 'DELETED',
      PENDING_DELETION: 'DELETED',
      ARCHIVED: 'DELETED',
      FLAGGED: 'PAUSED',
      IN_APPEAL: 'PAUSED',
    }),
  )('case 13: of a paused template is, after the notice %s, %s', (notice, expected) => {
    const type = Object.entries(templateNotices).find(([name]) => name === notice)?.[1];
    if (type === undefined) throw new Error(`no event for ${notice}`);
    expect(after(status('TemplatePaused', 1), { type, at: instantOf(2) }).status).toBe(expected);
  });

  test('is that of the latest provider time, whenever it arrives', () => {
    expect(after(status('TemplatePaused', 2), status('TemplateApproved', 1)).status).toBe('PAUSED');
    expect(after(status('TemplateDisabled', 1), status('TemplateApproved', 2)).status).toBe('APPROVED');
  });

  test('is, on a tie, the more restrictive', () => {
    for (const type of statusTypes) {
      if (type === 'TemplateApproved') continue;
      expect(after(status('TemplateApproved', 1), status(type, 1)).status).not.toBe('APPROVED');
      expect(after(status(type, 1), status('TemplateApproved', 1)).status).not.toBe('APPROVED');
    }
    expect(after(status('TemplateDisabled', 1), status('TemplatePaused', 1)).status).toBe('DISABLED');
  });
});

describe("a template's category", () => {
  const approved = status('TemplateApproved', 1, { category: 'utility' });

  test('case 14: changes at the instant that the notice names, not before', () => {
    const state = after(approved, recategorised('marketing', 2, 100));
    expect(categoryAt(state, instantOf(99))).toBe('utility');
    expect(categoryAt(state, instantOf(100))).toBe('marketing');
  });

  test('case 14: changes by an event that arrives before the approval', () => {
    const state = after(recategorised('marketing', 2, 100), approved);
    expect(categoryAt(state, instantOf(99))).toBe('utility');
    expect(categoryAt(state, instantOf(100))).toBe('marketing');
  });

  test('is the first known one before any took effect, and none when none was told', () => {
    expect(categoryAt(after(recategorised('marketing', 2, 100)), instantOf(1))).toBe('marketing');
    expect(categoryAt(after(status('TemplateApproved', 1)), instantOf(1))).toBeUndefined();
  });

  test('is, of several for the same instant, the strictest', () => {
    const all = ['authentication', 'utility', 'marketing', 'utility'] as const;
    const state = after(...all.map((next) => recategorised(next, 1, 5)));
    expect(categoryAt(state, instantOf(5))).toBe('marketing');
    expect(state.categories).toHaveLength(1);
  });
});

describe("a template's parameters", () => {
  test('are the latest told, which a later event without any leaves as they are', () => {
    const approved = status('TemplateApproved', 1, { parameters: ['name'] });
    expect(after(approved, status('TemplatePaused', 2)).parameters).toEqual(['name']);
    expect(after(status('TemplatePaused', 2), approved).parameters).toEqual(['name']);
    expect(after(status('TemplateApproved', 2, { parameters: [] }), approved).parameters).toEqual([]);
  });
});

test('template events fold by provider time to the same state in any order, and repeats change nothing', () => {
  assert(
    property(inTwoOrders, ([some, shuffled]) => {
      expect(essence(after(...shuffled, ...shuffled))).toEqual(essence(after(...some)));
    }),
    { numRuns: 1_000 },
  );
});
