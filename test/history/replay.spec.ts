import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { InfrastructureError } from '#application/errors';
import { Replay, type ReplayRequest } from '#application/history/replay';
import { checkpointOf, restore } from '#application/history/replay-checkpoint';
import type { EventStore } from '#application/ports/event-store';
import { presets } from '#domain/policy';
import { HOUR_MS, MINUTE_MS, plus } from '#domain/time';
import { MemoryScratch } from '#testing/memory-scratch';
import { intent, openStage, wrote, type Stage } from '../gate/stage.js';
import { Course, steps, templateOf, type Step } from './course.js';
import { EditedStore } from './edited-store.js';

const signal = new AbortController().signal;

const replayed = async (store: EventStore, request: ReplayRequest = {}) => {
  const replay = new Replay(store, request, new MemoryScratch());
  expect(await replay.run(signal)).toBe(true);
  return await replay.report();
};

/** What every random course begins with, so that each has all kinds of verdicts within reach. */
const opening: readonly Step[] = [
  { kind: 'policy', overrides: {} },
  { kind: 'template', name: 'hello', type: 'TemplateApproved' },
  { kind: 'template', name: 'receipt', type: 'TemplateApproved' },
  { kind: 'write', customer: 0, agoMs: 0, text: 'hello' },
  { kind: 'consent', customer: 1, agoMs: 0, scope: 'all', status: 'opted-in' },
  { kind: 'intent', customer: 0, terms: {} },
  { kind: 'intent', customer: 0, terms: { sender: '999' } },
  { kind: 'intent', customer: 1, terms: { whenClosed: 'hold' } },
];

/** The second waits for a reply, except by a policy that knows no slots. */
const twoTemplates: readonly Step[] = [
  { kind: 'template', name: 'receipt', type: 'TemplateApproved' },
  { kind: 'write', customer: 0, agoMs: 0, text: 'hello' },
  { kind: 'consent', customer: 0, agoMs: 0, scope: 'all', status: 'opted-in' },
  { kind: 'pass', durationMs: 30 * HOUR_MS },
  { kind: 'intent', customer: 0, terms: { content: templateOf('receipt') } },
  { kind: 'intent', customer: 0, terms: { content: templateOf('receipt') } },
];

/** Two active customers turn out to be one. */
const linked: readonly Step[] = [
  { kind: 'write', customer: 0, agoMs: 0, text: 'hello' },
  { kind: 'write', customer: 1, agoMs: 0, text: 'hello' },
  { kind: 'link', customer: 0, other: 1, relation: 'same' },
];

const inBatchesOf = (batchSize: number, store: EventStore): EventStore => {
  const subscribe = store.subscribe.bind(store);
  store.subscribe = (options) => subscribe({ ...options, batchSize });
  return store;
};

async function* asyncLines(lines: Iterable<string>): AsyncGenerator<string> {
  yield* lines;
}

const linesOf = async (replay: Replay, request: ReplayRequest): Promise<readonly string[]> => {
  const lines: string[] = [];
  for await (const line of checkpointOf(replay, request)) lines.push(line);
  return lines;
};

describe('replay', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());

  test('under its own policies, any history gives the verdicts that are recorded', async () => {
    let run = 0;
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 40 }), async (course) => {
        await new Course(stage, `r${(run += 1)}-`).play([...opening, ...course]);
        const report = await replayed(stage.store);
        expect(report.findings).toEqual({ count: 0, first: [] });
        for (const said of Object.keys(report.recorded.verdicts)) seen.add(said);
      }),
      { numRuns: 15 },
    );
    // A replay that met nothing but refusals would prove little.
    expect([...seen]).toEqual(expect.arrayContaining(['authorised', 'held: window-closed', 'refused: invalid-intent']));
  });

  test('law: with room for no customer it finds and reports the same, under another policy too, stopped and resumed', async () => {
    const own = await openStage();
    try {
      await own.registerAccount();
      let run = 0;
      let findings = 0;
      let changed = 0;
      const courses = fc.array(steps, { minLength: 20, maxLength: 40 });
      const [long = []] = fc.sample(fc.array(steps, { minLength: 40, maxLength: 40 }), { seed: 1, numRuns: 1 });
      const policies = fc.constantFrom(undefined, presets['meta-2026-10'], presets['meta-2025-07']);
      await fc.assert(
        fc.asyncProperty(courses, fc.boolean(), policies, async (course, isEdited, policy) => {
          const request: ReplayRequest = { policy };
          await new Course(own, `room${(run += 1)}-`).play([...opening, ...course]);
          // Also of a log whose verdicts are not what it leads to: the differences speak of the states.
          const log = new EditedStore(own.store, (events) =>
            events.map((recorded) =>
              isEdited && recorded.event.type === 'SendRefused'
                ? { ...recorded, event: { ...recorded.event, reason: 'awaiting-reply' as const } }
                : recorded,
            ),
          );
          const expected = await replayed(log, request);
          changed += expected.whatIf?.changed.count ?? 0;
          findings += expected.findings.count;
          const small = inBatchesOf(1, log);
          let replay = new Replay(small, request, new MemoryScratch(), 0);
          for (;;) {
            const stop = new AbortController();
            let batches = 0;
            if (await replay.run(stop.signal, () => void ((batches += 1) === 9 && stop.abort()))) break;
            const resumed = new Replay(small, request, new MemoryScratch(), 0);
            await restore(resumed, request, checkpointOf(replay, request));
            replay = resumed;
          }
          expect(replay.fold.customers.size).toBe(0);
          expect(await replay.report()).toEqual(expected);
        }),
        {
          numRuns: 6,
          examples: [
            [[...twoTemplates, ...linked, ...long], false, presets['meta-2026-10']],
            [long, true, undefined],
          ],
        },
      );
      expect(findings).toBeGreaterThan(0);
      expect(changed).toBeGreaterThan(0);
    } finally {
      await own.close();
    }
  });

  test('counts active users as far as the decision had counted them', async () => {
    const course = new Course(stage, 'mau-');
    const { clock } = stage;
    clock.at = plus(clock.at, 40 * 24 * HOUR_MS);
    await course.play([
      { kind: 'template', name: 'hello', type: 'TemplateApproved' },
      { kind: 'policy', overrides: { overAllowance: 'refuse' } },
      { kind: 'allowance', users: 1 },
      ...[0, 1, 2].map((customer) => ({
        kind: 'consent' as const,
        customer,
        agoMs: 0,
        scope: 'all' as const,
        status: 'opted-in' as const,
      })),
      { kind: 'project' },
      { kind: 'intent', customer: 0, terms: { content: templateOf('hello') } },
      { kind: 'write', customer: 1, agoMs: 0, text: 'hello' },
      // Not counted yet, then counted.
      { kind: 'intent', customer: 0, terms: { content: templateOf('hello') } },
      { kind: 'project' },
      { kind: 'intent', customer: 2, terms: { content: templateOf('hello') } },
      { kind: 'policy', overrides: {} },
      { kind: 'allowance', users: null },
    ]);
    const from = clock.at;
    const { recorded, findings } = await replayed(stage.store, { from });
    expect(recorded.verdicts).toEqual({ authorised: 2, 'refused: mau-allowance-exceeded': 1 });
    expect(findings.count).toBe(0);
    // With positions of another log the count would be another one.
    const moved = new EditedStore(stage.store, (events) =>
      events.map((event) => ({ ...event, position: event.position + 1_000_000 })),
    );
    expect((await replayed(moved, { from })).findings.first[0]?.differences.map(({ field }) => field)).toContain(
      'type',
    );
    expect((await replayed(moved, { from, copied: true })).findings.count).toBe(0);
  });

  test('case 23: counts a person of two aliases once from the link on', async () => {
    const course = new Course(stage, 'one-');
    const { clock } = stage;
    clock.at = plus(clock.at, 40 * 24 * HOUR_MS);
    const from = clock.at;
    await course.play([
      { kind: 'template', name: 'hello', type: 'TemplateApproved' },
      { kind: 'policy', overrides: { overAllowance: 'refuse' } },
      { kind: 'allowance', users: 2 },
      { kind: 'consent', customer: 2, agoMs: 0, scope: 'all', status: 'opted-in' },
      { kind: 'write', customer: 0, agoMs: 0, text: 'hello' },
      { kind: 'write', customer: 1, agoMs: 0, text: 'hello' },
      { kind: 'project' },
      { kind: 'intent', customer: 2, terms: { content: templateOf('hello') } },
      { kind: 'link', customer: 0, other: 1, relation: 'same' },
      { kind: 'project' },
      { kind: 'intent', customer: 2, terms: { content: templateOf('hello') } },
      { kind: 'policy', overrides: {} },
      { kind: 'allowance', users: null },
    ]);
    const { recorded, findings } = await replayed(stage.store, { from });
    expect(recorded.verdicts).toEqual({ authorised: 1, 'refused: mau-allowance-exceeded': 1 });
    expect(findings).toEqual({ count: 0, first: [] });
  });

  test('finds a decision that somebody changed, and one whose facts somebody changed', async () => {
    const customer = new Course(stage, 'edit-').customer(0);
    const { clock } = stage;
    await stage.recorder().run([wrote(customer, 'edit-m', clock.at)]);
    await stage.dispatcher().run([intent(customer, 'edit-i')]);
    const from = clock.at;
    const changed = new EditedStore(stage.store, (events) =>
      events.map((recorded) => {
        const { event } = recorded;
        return event.type === 'SendAuthorised' && event.intent.intentId === 'edit-i'
          ? { ...recorded, event: { ...event, validUntil: plus(event.validUntil, HOUR_MS) } }
          : recorded;
      }),
    );
    const report = await replayed(changed, { from });
    expect(report.findings).toMatchObject({
      count: 1,
      first: [{ intentId: 'edit-i', differences: [{ field: 'validUntil' }] }],
    });
    const withoutMessage = new EditedStore(stage.store, (events) =>
      events.filter(({ event }) => !(event.type === 'CustomerMessageReceived' && event.messageId === 'edit-m')),
    );
    expect((await replayed(withoutMessage, { from })).findings.first[0]?.differences).toContainEqual({
      field: 'type',
      a: 'SendAuthorised',
      b: 'SendRefused',
    });
  });

  test('tells which verdicts a late message proves wrong, and counts them', async () => {
    const { clock } = stage;
    clock.at = plus(clock.at, 48 * HOUR_MS);
    const from = clock.at;
    const customer = new Course(stage, 'late-').customer(0);
    await stage.dispatcher().run([intent(customer, 'late-i')]);
    clock.at = plus(from, MINUTE_MS);
    await stage.recorder().run([wrote(customer, 'late-m', plus(from, -HOUR_MS))]);
    const message = (await stage.events(customer)).at(-1);
    const report = await replayed(stage.store, { from });
    expect(report.findings.count).toBe(0);
    expect(report.revised).toEqual({
      count: 1,
      first: [
        expect.objectContaining({
          intentId: 'late-i',
          said: { outcome: 'refused', reason: 'window-closed' },
          withLateFacts: { outcome: 'authorised' },
          because: [message?.id],
        }),
      ],
    });
    expect((await replayed(stage.store, { from: plus(from, 1) })).revised.count).toBe(0);
  });

  test('judges decisions from the first instant on and before the last, and of the account that was asked for', async () => {
    const { clock } = stage;
    const from = plus(clock.at, HOUR_MS);
    const customer = new Course(stage, 'span-').customer(0);
    for (const [index, at] of [plus(from, -1), from, plus(from, 1), plus(from, 2)].entries()) {
      clock.at = at;
      await stage.dispatcher().run([intent(customer, `span-${index}`)]);
    }
    expect((await replayed(stage.store, { from, to: plus(from, 2) })).decisions).toBe(2);
    expect((await replayed(stage.store, { from, account: 'other' })).decisions).toBe(0);
  });

  test('reports what another policy would have changed', async () => {
    const { clock } = stage;
    clock.at = plus(clock.at, 60 * 24 * HOUR_MS);
    const from = clock.at;
    await new Course(stage, 'what-').play(twoTemplates);
    const { whatIf, recorded, findings } = await replayed(stage.store, { from, policy: presets['meta-2026-10'] });
    expect(findings.count).toBe(0);
    expect(recorded.verdicts).toEqual({ authorised: 1, 'refused: awaiting-reply': 1 });
    expect(whatIf).toMatchObject({
      verdicts: { authorised: 2 },
      charges: { 'template-utility': 2 },
      notAsked: 0,
      changed: { count: 1, by: { 'refused: awaiting-reply → authorised': 1 } },
    });
  });

  test('under the policy that was followed anyway, a what-if changes nothing', async () => {
    const quiet = await openStage();
    try {
      await quiet.registerAccount();
      let run = 0;
      const plain = steps.filter(({ kind }) => kind !== 'policy');
      await fc.assert(
        fc.asyncProperty(fc.array(plain, { minLength: 20, maxLength: 30 }), async (course) => {
          await new Course(quiet, `w${(run += 1)}-`).play(course);
          const { whatIf, recorded } = await replayed(quiet.store, { policy: presets['sinch-2021'] });
          expect(whatIf?.changed.by).toEqual({});
          expect(whatIf?.activeUsers).toEqual(recorded.activeUsers);
          expect(whatIf?.cost).toEqual(recorded.cost);
        }),
        { numRuns: 15 },
      );
    } finally {
      await quiet.close();
    }
  });

  test('interrupted anywhere and resumed from its checkpoint, it reports the same', async () => {
    const request: ReplayRequest = { policy: presets['meta-2025-07'] };
    const whole = await replayed(stage.store, request);
    const small = inBatchesOf(50, new EditedStore(stage.store, (events) => events));
    let interruptions = 0;
    let replay = new Replay(small, request, new MemoryScratch());
    for (;;) {
      const interrupt = new AbortController();
      if (await replay.run(interrupt.signal, () => interrupt.abort())) break;
      interruptions += 1;
      const resumed = new Replay(small, request, new MemoryScratch());
      await restore(resumed, request, checkpointOf(replay, request));
      replay = resumed;
    }
    expect(interruptions).toBeGreaterThan(3);
    expect(await replay.report()).toEqual(whole);
  });

  test('a checkpoint is used whole, and for the same replay only', async () => {
    const replay = new Replay(stage.store, {}, new MemoryScratch());
    await replay.run(signal);
    const lines = await linesOf(replay, {});
    const restoring = (texts: readonly string[], request: ReplayRequest = {}) =>
      restore(new Replay(stage.store, request, new MemoryScratch()), request, asyncLines(texts));
    await expect(restoring(lines.slice(0, -1))).rejects.toThrow(/not whole/);
    await expect(restoring([...lines.slice(0, -2), ...lines.slice(-1)])).rejects.toThrow(/not whole/);
    const [head = '', ...others] = lines;
    await expect(restoring([head.replace('"events":', '"events":1'), ...others])).rejects.toThrow(/not whole/);
    await expect(restoring(['nonsense'])).rejects.toThrow(InfrastructureError);
    await expect(restoring(lines, { account: 'acme' })).rejects.toThrow(/other options/);
    await expect(restoring(lines)).resolves.toBeUndefined();
  });
});
