import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ReadAsOf } from '#application/history/as-of';
import { HOUR_MS, MINUTE_MS, plus } from '#domain/time';
import { ACCOUNT, openStage, SENDER, T0, type Stage } from '../gate/stage.js';
import { Course, templateOf } from './course.js';

describe('as of an instant', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());

  test('what was true and what was known, with the late fact that makes the difference', async () => {
    const course = new Course(stage, 'a-');
    const key = { account: ACCOUNT, customer: course.customer(0) };
    stage.clock.at = plus(T0, HOUR_MS);
    await course.play([
      { kind: 'template', name: 'hello', type: 'TemplateApproved' },
      { kind: 'intent', customer: 0, terms: { content: templateOf('hello') } },
      { kind: 'pass', durationMs: HOUR_MS },
      // Written an hour and a minute before it came in.
      { kind: 'write', customer: 0, agoMs: HOUR_MS + MINUTE_MS, text: 'STOP' },
      { kind: 'template', name: 'hello', type: 'TemplatePaused' },
      // Later by its own time too: the first qualifying fact stays the first.
      { kind: 'write', customer: 0, agoMs: HOUR_MS, text: 'hello' },
    ]);
    const [, message, optOut, again] = await stage.events(key.customer);
    const asOf = await new ReadAsOf(stage.store).run(key, plus(T0, HOUR_MS), [{ name: 'other', language: 'de' }]);
    expect(asOf.knownThen).toMatchObject({
      windows: {},
      consents: {},
      templates: { 'hello/en': { status: 'APPROVED', category: 'marketing' }, 'other/de': {} },
      mau: { month: '2026-11', active: false },
      policy: 'sinch-2021@1',
    });
    const openerAt = plus(T0, HOUR_MS);
    const firstAt = plus(T0, HOUR_MS - MINUTE_MS);
    expect(asOf.trueThen).toMatchObject({
      windows: { [SENDER]: { openerAt, end: plus(openerAt, 24 * HOUR_MS), open: true } },
      optedIn: { marketing: 'out' },
      templates: { 'hello/en': { status: 'APPROVED' } },
      mau: { active: true, firstAt, firstId: message?.id },
    });
    expect(asOf.apart.map(({ id, is }) => [id, is])).toEqual([
      [message?.id, 'late'],
      [optOut?.id, 'late'],
      [again?.id, 'late'],
    ]);
    expect(asOf.differences.map(({ field }) => field)).toEqual(expect.arrayContaining(['consents.all', 'mau.active']));
  });

  test('later, once all is known, there is no difference; the instant itself counts', async () => {
    const key = { account: ACCOUNT, customer: new Course(stage, 'a-').customer(0) };
    const read = (at: number) => new ReadAsOf(stage.store).run(key, plus(T0, at));
    const later = await read(2 * HOUR_MS);
    expect(later.differences).toEqual([]);
    expect(later.apart).toEqual([]);
    expect(later.knownThen.templates['hello/en']?.status).toBe('PAUSED');
    expect((await read(2 * HOUR_MS - 1)).knownThen.windows).toEqual({});
    expect((await read(HOUR_MS - MINUTE_MS)).trueThen.mau.active).toBe(true);
    expect((await read(HOUR_MS - MINUTE_MS - 1)).trueThen.mau.active).toBe(false);
  });

  test('a customer that nothing was heard of is not found', async () => {
    const key = { account: ACCOUNT, customer: 'nobody' };
    await expect(new ReadAsOf(stage.store).run(key, T0)).rejects.toMatchObject({ code: 'not-found' });
  });
});
