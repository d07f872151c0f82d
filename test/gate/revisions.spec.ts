import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { PostgresAnalytics } from '#adapters/postgres/postgres-analytics';
import { PostgresAnalyticsStore } from '#adapters/postgres/postgres-analytics-store';
import { PostgresProjectionStore } from '#adapters/postgres/postgres-projection-store';
import { analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import { Explain } from '#application/history/explain';
import { readLog } from '#application/history/read-log';
import { Replay } from '#application/history/replay';
import { MemoryScratch } from '#testing/memory-scratch';
import type { EventStore, StreamAppend } from '#application/ports/event-store';
import { ReviseVerdicts, REVISER } from '#application/revise-verdicts';
import { templateStream } from '#application/streams';
import type { CustomerEvent, VerdictRevised } from '#domain/gate/events';
import { fold } from '#domain/gate/evolve';
import { initialCustomer } from '#domain/gate/state';
import { HOUR_MS, MINUTE_MS, SECOND_MS, plus } from '#domain/time';
import { Course, steps, templateOf, type Step } from '../history/course.js';
import { ACCOUNT, intent, openStage, wrote, type Stage } from './stage.js';

// A fact that comes late proves a decision wrong: that is said once, whatever dies or runs twice (ADR 0025).

const signal = new AbortController().signal;
const closed = { outcome: 'refused', reason: 'window-closed' };
const authorised = { outcome: 'authorised' };

/** An event store with something in the way of its appends. */
const withAppend = (
  store: EventStore,
  append: (appends: readonly StreamAppend[]) => ReturnType<EventStore['append']>,
) =>
  new Proxy(store, {
    get: (target, name) => {
      if (name === 'append') return append;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

describe('verdict revision', () => {
  let stage: Stage;
  let views: PostgresProjectionStore;
  let counted: VerdictRevised[];
  let analytics: PostgresAnalytics;
  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
    views = new PostgresProjectionStore(stage.database);
    analytics = new PostgresAnalytics(stage.database);
  });
  afterAll(() => stage.close());
  beforeEach(() => {
    counted = [];
  });

  const analyse = async (): Promise<void> => {
    const tables = new PostgresAnalyticsStore(stage.database);
    const projection = new ProjectAnalytics(stage.store, tables);
    let from = await projection.begin();
    for await (const events of readLog(stage.store, { name: 'test', after: from, categories: analyticsCategories })) {
      const last = events.at(-1);
      if (last === undefined) continue;
      await tables.apply(from, last, await projection.changes(events));
      from = last.position;
    }
  };
  const reviser = (store: EventStore = stage.store) =>
    new ReviseVerdicts(store, stage.readModel, views, analytics, (event) => counted.push(event));
  /** Lets the projector and the reviser catch up. */
  const revise = async (): Promise<void> => {
    await stage.project();
    await analyse();
    while (await reviser().run()) continue;
  };
  const said = async (customer: string): Promise<readonly VerdictRevised[]> =>
    (await stage.events(customer)).flatMap(({ event }) => (event.type === 'VerdictRevised' ? [event] : []));

  test('a late message that had opened the window is told of, with the decision and the fact', async () => {
    const { clock } = stage;
    await stage.dispatcher().run([intent('late', 'i-1')]);
    const decidedAt = clock.at;
    clock.at = plus(clock.at, MINUTE_MS);
    await stage.recorder().run([wrote('late', 'm-1', plus(decidedAt, -HOUR_MS))]);
    await revise();
    const [decision, fact] = await stage.events('late');
    expect(await said('late')).toEqual([
      {
        type: 'VerdictRevised',
        at: fact?.recordedAt,
        intentId: 'i-1',
        ordinal: 1,
        decision: decision?.id,
        decidedAt,
        sender: expect.any(String),
        said: closed,
        was: closed,
        withLateFacts: authorised,
        because: fact?.id,
        fact: 'CustomerMessageReceived',
        trueAt: plus(decidedAt, -HOUR_MS),
      },
    ]);
    expect(counted).toHaveLength(1);
    const { decisions, course } = await new Explain(stage.store).run({
      account: ACCOUNT,
      customer: 'late',
      intentId: 'i-1',
    });
    expect(decisions).toMatchObject([{ revisions: [{ was: closed, withLateFacts: authorised, because: fact?.id }] }]);
    expect(course).toEqual([]);
  });

  test('said again after a crash before the checkpoint, a rebuild of the views, or by another process, it is one event', async () => {
    await stage.database.script(`delete from tidegate_views.checkpoints where name = '${REVISER}'`);
    while (await reviser().run()) continue;
    expect(await said('late')).toHaveLength(1);
    expect(counted).toHaveLength(0);
  });

  test('facts in order leave nothing to look at', async () => {
    const { clock } = stage;
    await stage.project();
    const before = (await stage.readModel.lateFacts(undefined, 1_000)).length;
    await stage.recorder().run([wrote('prompt', 'm-2', clock.at)]);
    clock.at = plus(clock.at, SECOND_MS);
    await stage.dispatcher().run([intent('prompt', 'i-2')]);
    clock.at = plus(clock.at, SECOND_MS);
    await stage.recorder().run([wrote('prompt', 'm-3', clock.at)]);
    await stage.project();
    expect(await stage.readModel.lateFacts(undefined, 1_000)).toHaveLength(before);
  });

  test('a customer whose stream grows while it is judged is judged again', async () => {
    const { clock } = stage;
    await stage.dispatcher().run([intent('busy', 'i-3')]);
    await stage.recorder().run([wrote('busy', 'm-4', plus(clock.at, -HOUR_MS))]);
    await stage.project();
    let meddled = 0;
    const busy = withAppend(stage.store, async (appends) => {
      if ((meddled += 1) <= 2) await stage.recorder().run([wrote('busy', `meddling-${meddled}`, clock.at)]);
      return stage.store.append(appends);
    });
    await reviser(busy).run();
    expect(meddled).toBe(3);
    expect(await said('busy')).toHaveLength(1);
  });

  test('a template that was paused before it was sent, and that was told of later', async () => {
    const { clock } = stage;
    const content = templateOf('hello');
    const course = new Course(stage, 'tpl-');
    await course.play([
      { kind: 'template', name: 'hello', type: 'TemplateApproved' },
      { kind: 'consent', customer: 0, agoMs: 0, scope: 'all', status: 'opted-in' },
    ]);
    clock.at = plus(clock.at, MINUTE_MS);
    await stage.dispatcher().run([intent(course.customer(0), 'i-4', { content })]);
    const decidedAt = clock.at;
    clock.at = plus(clock.at, SECOND_MS);
    await stage.template('hello', 'TemplatePaused', plus(decidedAt, -SECOND_MS));
    await stage.project();
    // Analytics has not come so far: nobody could tell yet which decisions there are.
    while (await reviser().run()) continue;
    expect(await said(course.customer(0))).toHaveLength(0);
    await revise();
    const [template = []] = await stage.store.readStreams([
      { stream: templateStream(ACCOUNT, 'hello', 'en'), fromRevision: 0 },
    ]);
    expect(await said(course.customer(0))).toMatchObject([
      {
        intentId: 'i-4',
        said: authorised,
        withLateFacts: { outcome: 'refused', reason: 'template-paused' },
        because: template.at(-1)?.id,
      },
    ]);
  });

  test('after a link, a fact that comes late to one alias proves a decision on the other wrong', async () => {
    const { clock } = stage;
    const course = new Course(stage, 'lnk-');
    await stage.dispatcher().run([intent(course.customer(0), 'i-5'), intent(course.customer(1), 'i-6')]);
    const decidedAt = clock.at;
    clock.at = plus(clock.at, MINUTE_MS);
    await course.play([{ kind: 'link', customer: 0, other: 1, relation: 'same' }]);
    await stage.recorder().run([wrote(course.customer(0), 'm-5', plus(decidedAt, -HOUR_MS))]);
    await revise();
    const all = [...(await said(course.customer(0))), ...(await said(course.customer(1)))];
    expect(all.map(({ intentId }) => intentId).sort()).toEqual(['i-5', 'i-6']);
    // Each in the stream that goes on; the other one is closed, and ends with the link.
    const ends = [0, 1].map(async (number) => (await stage.events(course.customer(number))).at(-1)?.event.type);
    expect((await Promise.all(ends)).sort()).toEqual(['CustomerLinked', 'VerdictRevised']);
  });

  test('after a link, a decision on the alias that is closed counts, though the other has none of its own', async () => {
    const { clock } = stage;
    const course = new Course(stage, 'lon-');
    await course.play([{ kind: 'consent', customer: 0, agoMs: 0, scope: 'all', status: 'opted-in' }]);
    await stage.dispatcher().run([intent(course.customer(1), 'i-7')]);
    const decidedAt = clock.at;
    clock.at = plus(clock.at, MINUTE_MS);
    await course.play([{ kind: 'link', customer: 0, other: 1, relation: 'same' }]);
    await stage.recorder().run([wrote(course.customer(0), 'm-7', plus(decidedAt, -HOUR_MS))]);
    await revise();
    expect(await said(course.customer(0))).toMatchObject([{ intentId: 'i-7', withLateFacts: authorised }]);
  });

  test('what the read model has not come to yet is left for the next time', async () => {
    const { clock } = stage;
    await stage.dispatcher().run([intent('ahead', 'i-8')]);
    const decidedAt = clock.at;
    clock.at = plus(clock.at, MINUTE_MS);
    await stage.recorder().run([wrote('ahead', 'm-8', plus(decidedAt, -HOUR_MS))]);
    await stage.project();
    await stage.recorder().run([wrote('ahead', 'm-9', plus(decidedAt, -SECOND_MS), 'STOP')]);
    const facts = (await stage.events('ahead')).map(({ id }) => id);
    while (await reviser().run()) continue;
    expect((await said('ahead')).map(({ because }) => because)).toEqual([facts[1]]);
    await revise();
    expect((await said('ahead')).map(({ was, withLateFacts }) => [was, withLateFacts])).toEqual([
      [closed, authorised],
      [authorised, { outcome: 'refused', reason: 'opted-out' }],
    ]);
  });

  test('on any history: told at any time, in any portions, the same is said, and what a replay finds', async () => {
    let run = 0;
    let revisions = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(steps, fc.constantFrom(true, false, false, false, false, false)), {
          minLength: 20,
          maxLength: 50,
        }),
        async (course) => {
          const played = new Course(stage, `v${(run += 1)}-`);
          const opening: readonly Step[] = [
            { kind: 'template', name: 'hello', type: 'TemplateApproved' },
            { kind: 'intent', customer: 0, terms: {} },
            { kind: 'pass', durationMs: SECOND_MS },
            { kind: 'write', customer: 0, agoMs: HOUR_MS, text: 'hello' },
          ];
          await played.play(opening);
          for (const [step, looks] of course) {
            await played.step(step);
            if (looks) await revise();
          }
          await revise();
          const customers = [0, 1, 2].map((number) => played.customer(number));
          const keyed = async (): Promise<readonly string[]> =>
            (await Promise.all(customers.map(said)))
              .flat()
              .map(({ at: _at, ...event }) => JSON.stringify(event))
              .sort();
          const inPortions = await keyed();
          revisions += inPortions.length;
          // Nothing is said twice.
          const named = (await Promise.all(customers.map(said)))
            .flat()
            .map(({ decision, because }) => `${decision}/${because}`);
          expect(new Set(named).size).toBe(named.length);
          // From the beginning at once: nothing to add.
          await stage.database.script(`delete from tidegate_views.checkpoints where name = '${REVISER}'`);
          while (await reviser().run()) continue;
          expect(await keyed()).toEqual(inPortions);
          // Each revision goes on where the one before it left off.
          const byDecision = new Map<string, VerdictRevised>();
          const inOrder = (await Promise.all(customers.map((customer) => stage.events(customer))))
            .flat()
            .sort((a, b) => a.position - b.position)
            .flatMap(({ event }) => (event.type === 'VerdictRevised' ? [event] : []));
          for (const event of inOrder) {
            expect(event.was).toEqual(byDecision.get(event.decision)?.withLateFacts ?? event.said);
            byDecision.set(event.decision, event);
          }
        },
      ),
      { numRuns: 8 },
    );
    // A law about nothing would prove little.
    expect(revisions).toBeGreaterThan(0);
    const replay = new Replay(stage.store, {}, new MemoryScratch());
    expect(await replay.run(signal)).toBe(true);
    expect((await replay.report()).findings.count).toBe(0);
  });

  test('the state of a customer is the same with and without what was said of its decisions', async () => {
    const events = (await stage.events('late')).map(({ event }) => event as CustomerEvent);
    expect(events.some(({ type }) => type === 'VerdictRevised')).toBe(true);
    expect(fold(events, initialCustomer)).toEqual(
      fold(
        events.filter(({ type }) => type !== 'VerdictRevised'),
        initialCustomer,
      ),
    );
  });
});
