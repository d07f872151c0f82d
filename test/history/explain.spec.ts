import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Explain } from '#application/history/explain';
import { spokenVerdict } from '#domain/history/rederive';
import { HOUR_MS, MINUTE_MS, SECOND_MS, plus } from '#domain/time';
import { ACCOUNT, openStage, SENDER, type Stage } from '../gate/stage.js';
import { Course, templateOf, type Step } from './course.js';
import { EditedStore } from './edited-store.js';

const DAY = 24 * HOUR_MS;
const write: Step = { kind: 'write', customer: 0, agoMs: 0, text: 'hello' };
const optIn: Step = { kind: 'consent', customer: 0, agoMs: 0, scope: 'all', status: 'opted-in' };
const optOut: Step = { kind: 'consent', customer: 0, agoMs: 0, scope: 'all', status: 'opted-out' };
const approve: Step = { kind: 'template', name: 'hello', type: 'TemplateApproved' };
const pause: Step = { kind: 'template', name: 'hello', type: 'TemplatePaused' };
const pass = (durationMs: number): Step => ({ kind: 'pass', durationMs });
const ask = (terms: Extract<Step, { kind: 'intent' }>['terms'] = {}, more: object = {}): Step => ({
  kind: 'intent',
  customer: 0,
  terms,
  ...more,
});
const hello = { content: templateOf('hello') };
const release: Step = { kind: 'release', customer: 0, back: 0 };
const send = (outcome: Extract<Step, { kind: 'send' }>['outcome']): Step => ({
  kind: 'send',
  customer: 0,
  back: 0,
  outcome,
});
const failed = { kind: 'failed', code: '1', retryable: false } as const;

/** What is said, decision after decision, and the course that leads to it. */
const courses: readonly (readonly [readonly string[], readonly Step[]])[] = [
  [['authorised'], [write, ask()]],
  [['authorised'], [optIn, approve, ask(hello)]],
  [
    ['authorised'],
    [write, optIn, approve, pass(2 * DAY), ask({ whenClosed: 'fallback', fallback: templateOf('hello') })],
  ],
  [['refused: invalid-intent'], [write, ask({ sender: '999' })]],
  [['refused: window-closed'], [ask()]],
  [['refused: opted-out'], [write, pass(SECOND_MS), optOut, ask()]],
  [['refused: template-unknown'], [optIn, ask({ content: templateOf('nobody-heard-of-it') })]],
  [['refused: template-paused'], [optIn, pass(SECOND_MS), pause, ask(hello)]],
  [['refused: template-not-approved'], [pass(SECOND_MS), { ...approve, type: 'TemplateRejected' }, optIn, ask(hello)]],
  [['refused: template-disabled'], [pass(SECOND_MS), { ...approve, type: 'TemplateDisabled' }, optIn, ask(hello)]],
  [['refused: not-opted-in'], [pass(SECOND_MS), approve, ask(hello)]],
  [['refused: awaiting-reply'], [pass(1), approve, write, optIn, pass(2 * DAY), ask(hello), ask(hello)]],
  [
    ['refused: recipient-cooldown'],
    [write, ask(), send({ ...failed, effect: { kind: 'cooldown', scope: 'all', forMs: HOUR_MS } }), ask()],
  ],
  [['expired'], [write, ask({}, { expiresInMs: 0 })]],
  [
    ['held: scheduled', 'authorised'],
    [write, ask({}, { sendInMs: HOUR_MS }), pass(HOUR_MS), release],
  ],
  [
    ['held: window-closed', 'authorised'],
    [ask({ whenClosed: 'hold' }), write, release],
  ],
  [
    ['held: window-closed', 'cancelled'],
    [ask({ whenClosed: 'hold' }), { kind: 'cancel', customer: 0, back: 0 }],
  ],
  [
    ['held: window-closed', 'expired'],
    [ask({ whenClosed: 'hold' }, { expiresInMs: SECOND_MS }), pass(MINUTE_MS), release],
  ],
  [
    ['held: template-paused', 'authorised'],
    [pass(1), pause, optIn, ask({ ...hello, whenPaused: 'hold' }), pass(1), approve, release],
  ],
  [
    ['authorised', 'refused: window-closed'],
    [write, ask(), send({ ...failed, effect: { kind: 'window-closed' } })],
  ],
  [
    ['authorised', 'authorised', 'refused: permit-lapsed'],
    [
      pass(1),
      approve,
      optIn,
      ask(hello),
      pass(HOUR_MS),
      send({ kind: 'unknown', cause: '' }),
      pass(HOUR_MS),
      send({ kind: 'unknown', cause: '' }),
    ],
  ],
];

describe('explain', () => {
  let stage: Stage;
  let next = 0;
  const play = async (steps: readonly Step[]) => {
    const course = new Course(stage, `e${(next += 1)}-`);
    await course.play(steps);
    return { account: ACCOUNT, customer: course.customer(0), intentId: course.intents.at(-1) ?? '' };
  };
  const explain = () => new Explain(stage.store);

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());

  test.each(courses)('%j is what was recorded', async (said, steps) => {
    const explanation = await explain().run(await play(steps));
    expect(explanation.decisions.map((decision) => spokenVerdict(decision.said))).toEqual(said);
    expect(explanation.decisions.flatMap(({ differences }) => differences)).toEqual([]);
    expect(explanation.agrees).toBe(true);
    // The rule that decided is the first that applies, except for the last refusal of all.
    for (const { rule, rules, fallbackRules } of explanation.decisions) {
      if (rule === undefined || rule === 'recheck' || rule === '13') continue;
      expect((fallbackRules ?? rules).find(({ result }) => result === 'applies')?.rule).toBe(rule);
    }
  });

  test('refused for the allowance: the count is that of the log', async () => {
    const key = await play([
      { kind: 'policy', overrides: { overAllowance: 'refuse' } },
      { kind: 'allowance', users: 1 },
      pass(1),
      approve,
      optIn,
      { kind: 'write', customer: 1, agoMs: 0, text: 'hello' },
      { kind: 'project' },
      ask(hello),
      { kind: 'policy', overrides: {} },
      { kind: 'allowance', users: null },
    ]);
    for (const countUsers of [false, true]) {
      const { decisions, agrees } = await explain().run(key, { countUsers });
      expect(decisions[0]).toMatchObject({ said: { reason: 'mau-allowance-exceeded' }, cost: 'over-allowance' });
      expect(agrees).toBe(true);
    }
  });

  test('names the facts relied on, what the rules looked at and what would have changed it', async () => {
    const key = await play([pass(1), approve, write, optIn, pass(2 * DAY), ask(hello), pass(MINUTE_MS), ask(hello)]);
    const [decision] = (await explain().run(key)).decisions;
    const events = await stage.events(key.customer);
    expect(decision?.facts.map(({ as, id }) => [as, id])).toEqual(
      expect.arrayContaining([
        ['opener', events[0]?.id],
        ['consent', events[1]?.id],
        ['slot', events[2]?.id],
        ['activity', events[0]?.id],
      ]),
    );
    expect(decision?.facts.map(({ as }) => as)).toEqual(expect.arrayContaining(['sender', 'template']));
    expect(decision?.rules.find(({ rule }) => rule === '11')).toMatchObject({
      result: 'applies',
      inputs: { slotsUsed: 1, slots: 1 },
    });
    expect(decision).toMatchObject({ rule: '11', remedy: 'the customer writes', policy: { name: 'sinch-2021' } });
  });

  test('tells what became of an authorised intent', async () => {
    const key = await play([write, ask(), send({ kind: 'accepted', providerMessageId: '' })]);
    const { course } = await explain().run(key);
    expect(course.map(({ type }) => type)).toEqual(['SendStarted', 'SendAccepted']);
  });

  test('a difference between record and log is shown', async () => {
    const key = await play([ask()]);
    const edited = new EditedStore(stage.store, (events) =>
      events.map((recorded) => {
        const { event } = recorded;
        return event.type === 'SendRefused' && event.intent.intentId === key.intentId
          ? { ...recorded, event: { ...event, reason: 'opted-out' as const } }
          : recorded;
      }),
    );
    const { agrees, decisions } = await new Explain(edited).run(key);
    expect(agrees).toBe(false);
    expect(decisions[0]?.differences).toEqual([{ field: 'reason', a: 'opted-out', b: 'window-closed' }]);
  });

  test('an intent that the log does not know is not explained', async () => {
    await expect(explain().run({ account: ACCOUNT, customer: 'nobody', intentId: 'x' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('an intent of an alias that was linked is found with the survivor', async () => {
    const key = await play([write, ask()]);
    const { clock, store } = stage;
    await store.append([
      {
        stream: `customer-${ACCOUNT}.alias`,
        expectedRevision: -1,
        events: [
          {
            id: '6f1c2b52-6f0e-5c39-9d0c-7a9b7f6f6c12',
            event: { type: 'CustomerLinked', at: clock.at, survivor: key.customer, because: SENDER },
            metadata: { correlationId: 'l', causationId: 'l' },
          },
        ],
      },
    ]);
    expect((await explain().run({ ...key, customer: 'alias' })).customer).toBe(key.customer);
    clock.at = plus(clock.at, 1);
  });
});
