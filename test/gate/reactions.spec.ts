import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { reactionToAnswer } from '#adapters/meta/reactions';
import { reportedFailure } from '#apps/provider/failures';
import { Pacing, platformLimits } from '#application/pacing';
import type { DeliveryCommand } from '#application/record-reports';
import { templateStream } from '#application/streams';
import { WaitingSends } from '#application/waiting-sends';
import type { TemplateCategory } from '#domain/consent';
import type { SendIntent } from '#domain/gate/intent';
import type { Failure, ProviderOutcome } from '#domain/gate/outcome';
import { DAY_MS, HOUR_MS, MINUTE_MS, plus, SECOND_MS, type Instant } from '#domain/time';
import { accepting, RecordingProvider } from './recording-provider.js';
import { ACCOUNT, intent, openStage, SENDER, T0, wrote, type Stage } from './stage.js';

const metadata = { correlationId: 'report', causationId: 'report' };
const template = (name: string) => ({ kind: 'template', name, language: 'en', parameters: [] }) as const;

/** What Meta's adapter makes of an answer with this code. */
const refusedBy = (code: string): ProviderOutcome => {
  const reaction = reactionToAnswer(400, code);
  if (reaction === undefined) throw new Error(`${code} is indefinite`);
  return { kind: 'failed', code, ...reaction };
};
const refusing = (code: string) => new RecordingProvider(() => Promise.resolve(refusedBy(code)));

describe('what a refusal leads to', () => {
  let stage: Stage;
  let next = 0;

  const key = (customer: string, intentId: string) => ({ account: ACCOUNT, customer, intentId });
  const eventsOf = async (customer: string) => (await stage.events(customer)).map(({ event }) => event);
  const lastOf = async (customer: string, count: number) => (await eventsOf(customer)).slice(-count);
  const decided = async (customer: string, intentId: string, terms: Partial<SendIntent> = {}) => {
    await stage.dispatcher().run([intent(customer, intentId, terms)]);
    return (await eventsOf(customer)).at(-1);
  };
  /** A customer who just wrote, and who opted in. */
  const someone = async (): Promise<string> => {
    const customer = `reaction${(next += 1)}`;
    stage.clock.at = T0;
    const consent = {
      kind: 'consent',
      scope: 'all',
      status: 'opted-in',
      source: 'form',
      reference: 'f1',
      claimedAt: plus(T0, -DAY_MS),
      receivedAt: T0,
    } as const;
    await stage.recorder().run([wrote(customer, 'm1', T0), { account: ACCOUNT, customer, metadata, report: consent }]);
    return customer;
  };
  /** An approved template of its own. */
  const approved = async (category: TemplateCategory = 'utility'): Promise<string> => {
    const name = `t${(next += 1)}`;
    await stage.template(name, 'TemplateApproved', plus(T0, -HOUR_MS), category);
    return name;
  };
  const templateEvents = async (name: string) => {
    const stream = templateStream(ACCOUNT, name, 'en');
    const [events = []] = await stage.store.readStreams([{ stream, fromRevision: 1 }]);
    return events.map(({ event }) => event);
  };
  const reported = (
    customer: string,
    intentId: string,
    provider: 'sinch' | 'meta',
    error: { readonly code: string; readonly channelCode?: string },
    at: Instant = plus(T0, SECOND_MS),
  ): DeliveryCommand => {
    const providerMessageId = `wamid.${intentId}`;
    const report = { account: ACCOUNT, provider, providerMessageId, status: 'failed', at, error } as const;
    return {
      account: ACCOUNT,
      correlation: `${ACCOUNT}/${customer}/${intentId}`,
      delivery: { status: 'failed', at, providerMessageId, failure: reportedFailure(report) },
      metadata,
    };
  };

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());

  describe('131047, the window is closed (case 7)', () => {
    test.each([
      ['refuse', 'SendRefused'],
      ['hold', 'SendHeld'],
    ] as const)('corrects the window and decides once more: %s', async (whenClosed, type) => {
      const customer = await someone();
      await decided(customer, 'a', { whenClosed });
      expect(await stage.sender(refusing('131047')).run([key(customer, 'a')])).toEqual(['failed']);
      expect(await lastOf(customer, 3)).toMatchObject([
        { type: 'SendFailed', code: '131047', final: false },
        { type: 'WindowCorrected', sender: SENDER, startedAt: T0 },
        { type, reason: 'window-closed' },
      ]);
      expect(await decided(customer, 'b')).toMatchObject({ type: 'SendRefused', reason: 'window-closed' });
    });

    test.each([
      ['meta', { code: '131047' }],
      ['sinch', { code: 'OUTSIDE_ALLOWED_SENDING_WINDOW' }],
      ['sinch', { code: 'CHANNEL_FAILURE', channelCode: '131047' }],
    ] as const)('the same when %s reports %j later', async (provider, error) => {
      const customer = await someone();
      await decided(customer, 'a');
      await stage.sender(accepting()).run([key(customer, 'a')]);
      const report = reported(customer, 'a', provider, error);
      expect(await stage.reports().run([report, report])).toEqual(['recorded', 'duplicate']);
      expect(await lastOf(customer, 2)).toMatchObject([
        { type: 'WindowCorrected', sender: SENDER },
        { type: 'SendRefused', reason: 'window-closed' },
      ]);
    });
  });

  test.each([
    ['meta', { code: '131050' }, 'marketing'],
    ['sinch', { code: 'CHANNEL_REJECT', channelCode: '131050' }, 'marketing'],
    ['sinch', { code: 'RECIPIENT_NOT_OPTED_IN' }, 'all'],
  ] as const)('an opt-out that %s reports as %j is one, in the scope %s', async (provider, error, scope) => {
    const [customer, name] = [await someone(), await approved('marketing')];
    await decided(customer, 'a', { content: template(name) });
    await stage.sender(accepting()).run([key(customer, 'a')]);
    await stage.reports().run([reported(customer, 'a', provider, error)]);
    expect(await lastOf(customer, 2)).toMatchObject([
      { type: 'SendFailed', final: true },
      { type: 'CustomerOptedOut', scope, source: 'provider' },
    ]);
    expect(await decided(customer, 'b', { content: template(name) })).toMatchObject({ reason: 'opted-out' });
  });

  test.each([
    ['131026', 'all', 7 * DAY_MS],
    ['131049', 'marketing', DAY_MS],
    ['130472', 'marketing', 7 * DAY_MS],
  ] as const)('case 34: after %s the recipient is left alone in the scope %s', async (code, scope, forMs) => {
    const [customer, name] = [await someone(), await approved('marketing')];
    await decided(customer, 'a', { content: template(name) });
    await stage.sender(refusing(code)).run([key(customer, 'a')]);
    expect(await lastOf(customer, 2)).toMatchObject([
      { type: 'SendFailed', code, final: true },
      { type: 'RecipientCooledDown', scope, code, until: plus(T0, forMs) },
    ]);
    stage.clock.at = plus(T0, DAY_MS - 1);
    expect(await decided(customer, 'b', { content: template(name) })).toMatchObject({ reason: 'recipient-cooldown' });
    stage.clock.at = plus(T0, forMs);
    expect(await decided(customer, 'c', { content: template(name) })).toMatchObject({ type: 'SendAuthorised' });
  });

  describe('a template that the provider does not send (case 11)', () => {
    test.each([
      ['132015', 'TemplatePaused', 'template-paused'],
      ['132016', 'TemplateDisabled', 'template-disabled'],
      ['132001', 'TemplateDeleted', 'template-not-approved'],
    ] as const)(
      '%s is recorded once, and those who wanted it are decided once more on it',
      async (code, type, reason) => {
        const name = await approved();
        const customers = [await someone(), await someone(), await someone()];
        for (const customer of customers) await decided(customer, 'a', { content: template(name) });
        await stage.sender(refusing(code)).run(customers.map((customer) => key(customer, 'a')));
        expect(await templateEvents(name)).toEqual([{ type, at: T0, reason: `the provider refused it: ${code}` }]);
        for (const customer of customers) {
          expect(await lastOf(customer, 3)).toMatchObject([
            { type: 'SendFailed', code, final: false },
            { type: 'SendRevoked', reason },
            { type: 'SendRefused', reason, evidence: { templateRevision: 1 } },
          ]);
        }
        expect(await decided(await someone(), 'b', { content: template(name) })).toMatchObject({ reason });
      },
    );

    test('holds who said so until it is approved again; a second refusal is final', async () => {
      const [customer, name] = [await someone(), await approved()];
      await decided(customer, 'a', { content: template(name), whenPaused: 'hold' });
      await stage.sender(refusing('132015')).run([key(customer, 'a')]);
      expect((await eventsOf(customer)).at(-1)).toMatchObject({ type: 'SendHeld', reason: 'template-paused' });
      await stage.template(name, 'TemplateApproved', plus(T0, 1));
      stage.clock.at = plus(T0, 2);
      await stage.project();
      const held = await stage.readModel.awake(['held'], stage.clock.at, 100);
      expect(held.filter((row) => row.customer === customer)).toHaveLength(1);
      await stage.dispatcher().release([key(customer, 'a')]);
      const provider = refusing('132015');
      await stage.sender(provider).run([key(customer, 'a')]);
      expect(provider.calls).toHaveLength(1);
      expect((await eventsOf(customer)).at(-1)).toMatchObject({ type: 'SendFailed', final: true });
    });

    test('case 12: accepted, held back by the platform and dropped later: not sent, and the slot is free', async () => {
      const [customer, name, other] = [await someone(), await approved(), await approved()];
      stage.clock.at = plus(T0, 30 * HOUR_MS);
      expect(await decided(customer, 'a', { content: template(name) })).toMatchObject({ usesSlot: true });
      await stage.sender(accepting()).run([key(customer, 'a')]);
      expect(await decided(customer, 'b', { content: template(other) })).toMatchObject({ reason: 'awaiting-reply' });
      const at = plus(T0, 31 * HOUR_MS);
      stage.clock.at = at;
      await stage.reports().run([reported(customer, 'a', 'meta', { code: '132015' }, at)]);
      expect(await templateEvents(name)).toMatchObject([{ type: 'TemplatePaused', at }]);
      expect(await lastOf(customer, 1)).toMatchObject([{ type: 'SendRefused', reason: 'template-paused' }]);
      expect(await decided(customer, 'c', { content: template(other) })).toMatchObject({ type: 'SendAuthorised' });
    });

    test('an old refusal says nothing about a template that was approved since', async () => {
      const [customer, name] = [await someone(), await approved()];
      await decided(customer, 'a', { content: template(name) });
      await stage.sender(accepting()).run([key(customer, 'a')]);
      await stage.template(name, 'TemplateApproved', plus(T0, MINUTE_MS));
      await stage.reports().run([reported(customer, 'a', 'meta', { code: '132015' })]);
      expect(await templateEvents(name)).toMatchObject([{ type: 'TemplateApproved' }]);
      expect((await eventsOf(customer)).at(-1)).toMatchObject({ type: 'SendAuthorised' });
    });
  });

  describe('limits and blocks', () => {
    /** A process with a provider that refuses the first message so, and takes all others. */
    const refusingFirst = (code: string) => {
      let isFirst = true;
      const provider = new RecordingProvider(({ customer, intentId }) => {
        const outcome: ProviderOutcome = isFirst
          ? refusedBy(code)
          : { kind: 'accepted', providerMessageId: `${customer}.${intentId}` };
        isFirst = false;
        return Promise.resolve(outcome);
      });
      const limits = { ...platformLimits, perSecond: () => Number.POSITIVE_INFINITY };
      const waiting = new WaitingSends();
      return { provider, waiting, sender: stage.sender(provider, { pacing: new Pacing(limits), waiting }) };
    };

    test('131056 makes that pair alone back off, by 4^n s; the others go', async () => {
      const [one, other] = [await someone(), await someone()];
      for (const id of ['a', 'b']) await decided(one, id);
      await decided(other, 'a');
      const { provider, sender } = refusingFirst('131056');
      expect(await sender.run([key(one, 'a')])).toEqual(['failed']);
      expect(await sender.run([key(one, 'b'), key(other, 'a')])).toEqual(['paced', 'accepted']);
      stage.clock.at = plus(T0, 4 * SECOND_MS - 1);
      await sender.runWaiting();
      expect(provider.called).toEqual(['a', 'a']);
      stage.clock.at = plus(T0, 4 * SECOND_MS);
      await sender.runWaiting();
      expect(provider.called).toEqual(['a', 'a', 'a', 'b']);
    });

    test('130429 makes the sender back off, and nobody is lost', async () => {
      const customers = [await someone(), await someone(), await someone()];
      for (const customer of customers) await decided(customer, 'a');
      const { provider, sender } = refusingFirst('130429');
      const [first, ...others] = customers.map((customer) => key(customer, 'a'));
      await sender.run(first === undefined ? [] : [first]);
      expect(await sender.run(others)).toEqual(['paced', 'paced']);
      for (const seconds of [2, 4]) {
        stage.clock.at = plus(T0, seconds * SECOND_MS);
        await sender.runWaiting();
      }
      expect(provider.calls.map(({ customer }) => customer)).toEqual([
        customers[0],
        ...customers.slice(1),
        customers[0],
      ]);
    });

    test.each([
      ['131048', 'sender-blocked'],
      ['131042', 'account-halted'],
    ] as const)(
      '%s stops all that is behind it, which lapses in time and is told to the operator',
      async (code, effect) => {
        const [one, other] = [await someone(), await someone()];
        for (const customer of [one, other]) await decided(customer, 'a');
        const told: Failure[] = [];
        const provider = refusing(code);
        const waiting = new WaitingSends();
        const sender = stage.sender(provider, { waiting, failed: (_, failure) => told.push(failure) });
        expect(await sender.run([key(one, 'a')])).toEqual(['failed']);
        expect(await sender.run([key(other, 'a')])).toEqual(['paced']);
        expect(told).toMatchObject([{ code, effect: { kind: effect } }]);
        expect((await eventsOf(one)).at(-1)).toMatchObject({ type: 'SendFailed', final: true });
        // Session messages: their permits last as long as the window.
        stage.clock.at = plus(T0, DAY_MS);
        await sender.runWaiting();
        expect(provider.calls).toHaveLength(1);
        expect(await lastOf(other, 2)).toMatchObject([
          { type: 'SendRevoked', reason: 'permit-lapsed' },
          { type: 'SendRefused', reason: 'window-closed' },
        ]);
      },
    );

    test('what Sinch reports of a limit later is told with its sender', async () => {
      const customer = await someone();
      await decided(customer, 'a');
      await stage.sender(accepting()).run([key(customer, 'a')]);
      const told: unknown[] = [];
      const reports = stage.reports((sending, failure) => void told.push([sending, failure?.effect?.kind]));
      const report = reported(customer, 'a', 'sinch', { code: 'CHANNEL_FAILURE', channelCode: '131056' });
      await reports.run([report, report]);
      expect(told).toEqual([[{ account: ACCOUNT, customer, sender: SENDER }, 'pair-limited']]);
      expect((await eventsOf(customer)).at(-1)).toMatchObject({ type: 'SendFailed', final: false });
    });

    test('132000 is a rejection: final, and nothing follows', async () => {
      const customer = await someone();
      await decided(customer, 'a');
      await stage.sender(refusing('132000')).run([key(customer, 'a')]);
      expect((await eventsOf(customer)).at(-1)).toMatchObject({ type: 'SendFailed', code: '132000', final: true });
    });
  });
});
