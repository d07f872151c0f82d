import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DecideIntents } from '#application/decide-intents';
import { ReleaseHolds } from '#application/release-holds';
import { fold } from '#domain/gate/evolve';
import type { CustomerEvent } from '#domain/gate/events';
import { initialCustomer } from '#domain/gate/state';
import { HOUR_MS, plus } from '#domain/time';
import { ACCOUNT, cancellation, intent, openStage, T0, wrote, type Stage } from './stage.js';

describe('the gate on its log', () => {
  let stage: Stage;
  let next = 0;
  const somebody = (): string => `customer${(next += 1)}`;
  const typesOf = async (customer: string) => (await stage.events(customer)).map(({ event }) => event.type);

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());

  test('a reply is refused before the customer writes and authorised after', async () => {
    const customer = somebody();
    const dispatcher = stage.dispatcher();
    expect(await dispatcher.run([intent(customer, 'a')])).toEqual([{ kind: 'decided', outcome: 'SendRefused' }]);
    await stage.recorder().run([wrote(customer, 'm1', T0)]);
    expect(await dispatcher.run([intent(customer, 'b')])).toEqual([{ kind: 'decided', outcome: 'SendAuthorised' }]);
    const [refused, , authorised] = (await stage.events(customer)).map(({ event }) => event);
    expect(refused).toMatchObject({ reason: 'window-closed', rule: '7' });
    expect(authorised).toMatchObject({ rule: '6', validUntil: T0 + 24 * HOUR_MS - 60_000 });
  });

  test('case 1: a repeated message is recorded once, also by another process and after projection', async () => {
    const customer = somebody();
    const message = wrote(customer, 'm1', T0);
    const first = await stage.recorder().run([message, message]);
    expect(first.map(({ kind }) => kind)).toEqual(['recorded', 'duplicate']);
    expect(await stage.recorder().run([message])).toEqual([{ kind: 'duplicate' }]);
    await stage.project();
    expect(await stage.recorder().run([message])).toEqual([{ kind: 'duplicate' }]);
    expect(await typesOf(customer)).toEqual(['CustomerMessageReceived']);
  });

  test('case 39: a redelivered intent has one decision without a horizon, and other content is a conflict', async () => {
    const customer = somebody();
    await stage.recorder().run([wrote(customer, 'm1', T0)]);
    const said = await stage.dispatcher().run([intent(customer, 'a'), intent(customer, 'a')]);
    expect(said.map(({ kind }) => kind)).toEqual(['decided', 'duplicate']);
    expect(await stage.dispatcher().run([intent(customer, 'a')])).toEqual([{ kind: 'duplicate' }]);
    await stage.project();
    const late = [intent(customer, 'a'), intent(customer, 'a', { fingerprint: 'other' })];
    expect((await stage.dispatcher().run(late)).map(({ kind }) => kind)).toEqual(['duplicate', 'conflict']);
    expect(await typesOf(customer)).toEqual(['CustomerMessageReceived', 'SendAuthorised']);
  });

  test('case 16: dispatchers that race on one customer give out one slot', async () => {
    const customer = somebody();
    await stage.template('receipt', 'TemplateApproved', T0);
    await stage.recorder().run([
      wrote(customer, 'm1', plus(T0, -48 * HOUR_MS)),
      {
        ...wrote(customer, 'c1', T0),
        report: {
          kind: 'consent',
          scope: 'all',
          status: 'opted-in',
          source: 'form',
          reference: 'f1',
          claimedAt: T0,
          receivedAt: T0,
        },
      },
    ]);
    const content = { kind: 'template', name: 'receipt', language: 'en', parameters: [] } as const;
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => stage.dispatcher().run([intent(customer, id, { content })])));
    const decided = (await typesOf(customer)).slice(2).toSorted();
    expect(decided).toEqual(['SendAuthorised', 'SendRefused', 'SendRefused', 'SendRefused']);
  });

  test('a held intent is released when the customer writes, once', async () => {
    const customer = somebody();
    const dispatcher = stage.dispatcher();
    await dispatcher.run([intent(customer, 'a', { whenClosed: 'hold' })]);
    const key = { account: ACCOUNT, customer, intentId: 'a' };
    expect(await dispatcher.release([key])).toEqual([]);
    await stage.recorder().run([wrote(customer, 'm1', T0)]);
    const both = await Promise.all([dispatcher.release([key]), stage.dispatcher().release([key])]);
    expect(both.flat()).toEqual([key]);
    expect(await typesOf(customer)).toEqual(['SendHeld', 'CustomerMessageReceived', 'SendReleased', 'SendAuthorised']);
  });

  test('case 40: an opener makes holds due by themselves, and they go in the order in which they were held', async () => {
    const customer = somebody();
    const ids = ['z', 'b', '7', 'a'];
    await stage.dispatcher().run(ids.map((id) => intent(customer, id, { whenClosed: 'hold' })));
    await stage.project();
    const holds = new ReleaseHolds(stage.dispatcher(), stage.readModel, stage.clock);
    await holds.run();
    expect(await typesOf(customer)).toEqual(ids.map(() => 'SendHeld'));
    await stage.recorder().run([wrote(customer, 'm1', T0)]);
    await stage.project();
    await holds.run();
    const authorised = (await stage.events(customer)).flatMap(({ event }) =>
      event.type === 'SendAuthorised' ? [event.intent.intentId] : [],
    );
    expect(authorised).toEqual(ids);
    await stage.project();
    await holds.run();
    expect(await typesOf(customer)).toHaveLength(ids.length * 3 + 1);
  });

  test('case 40: a hold whose window closed again before anybody looked rests, and expires in its time', async () => {
    const customer = somebody();
    const expiresAt = plus(T0, 48 * HOUR_MS);
    await stage.dispatcher().run([intent(customer, 'a', { whenClosed: 'hold', expiresAt })]);
    await stage.recorder().run([wrote(customer, 'm1', T0)]);
    await stage.project();
    let looked = 0;
    const dispatcher = stage.dispatcher();
    const counting = {
      release: (due: Parameters<DecideIntents['release']>[0]) => {
        looked += due.length;
        return dispatcher.release(due);
      },
    };
    const holds = new ReleaseHolds(counting, stage.readModel, stage.clock);
    stage.clock.at = plus(T0, 25 * HOUR_MS);
    await holds.run();
    await holds.run();
    expect(looked).toBe(1);
    expect(await typesOf(customer)).toEqual(['SendHeld', 'CustomerMessageReceived']);
    stage.clock.at = expiresAt;
    await holds.run();
    expect((await typesOf(customer)).slice(2)).toEqual(['SendReleased', 'SendExpired']);
    stage.clock.at = T0;
    await stage.project();
  });

  test('a cancellation stops a held intent, and one that overtakes its intent stands', async () => {
    const customer = somebody();
    const dispatcher = stage.dispatcher();
    await dispatcher.run([intent(customer, 'a', { whenClosed: 'hold' })]);
    expect(
      await dispatcher.run([cancellation(customer, 'a'), cancellation(customer, 'b'), intent(customer, 'b')]),
    ).toEqual([
      { kind: 'decided', outcome: 'SendCancelled' },
      { kind: 'decided', outcome: 'SendCancelled' },
      { kind: 'duplicate' },
    ]);
    await stage.project();
    expect(await stage.dispatcher().run([intent(customer, 'b'), cancellation(customer, 'a')])).toEqual([
      { kind: 'duplicate' },
      { kind: 'duplicate' },
    ]);
  });

  test('hundreds of intents of one customer are decided in order, across several appends', async () => {
    const customer = somebody();
    await stage.recorder().run([wrote(customer, 'm1', T0)]);
    const commands = Array.from({ length: 230 }, (_, index) => intent(customer, `i${index}`));
    const answers = await stage.dispatcher().run(commands);
    expect(answers.every(({ kind }) => kind === 'decided')).toBe(true);
    const ids = (await stage.events(customer)).flatMap(({ event }) =>
      event.type === 'SendAuthorised' ? [event.intent.intentId] : [],
    );
    expect(ids).toEqual(commands.map((_, index) => `i${index}`));
  });

  test('an unknown account is answered, and one registered a moment ago is known', async () => {
    const stranger = { ...intent(somebody(), 'a'), account: 'nobody' };
    expect(await stage.dispatcher().run([stranger])).toEqual([{ kind: 'unknown-account' }]);
  });

  test('the read model equals a fresh fold of the log', async () => {
    await stage.project();
    for (let number = 1; number <= next; number += 1) {
      const customer = `customer${number}`;
      const events = await stage.events(customer);
      if (events.length === 0) continue;
      const [row] = await stage.readModel.customers([{ account: ACCOUNT, customer }]);
      const state = fold(
        events.map(({ event }) => event as CustomerEvent),
        initialCustomer,
      );
      expect(row).toMatchObject({ revision: events.length - 1 });
      expect(JSON.parse(JSON.stringify(row?.state))).toEqual(JSON.parse(JSON.stringify(state)));
    }
  });
});
