import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Customers } from '#application/customers';
import { LinkCustomers } from '#application/link-customers';
import { SendProvider, type ProviderMessage } from '#application/ports/send-provider';
import { ReleaseHolds } from '#application/release-holds';
import { HOUR_MS, plus } from '#domain/time';
import { ACCOUNT, cancellation, intent, openStage, T0, wrote, type Stage } from './stage.js';

const metadata = { correlationId: 'link', causationId: 'link' };

/** Accepts everything; something may happen while it is called. */
class Accepting extends SendProvider {
  readonly calls: ProviderMessage[] = [];
  constructor(private readonly meanwhile: () => Promise<unknown> = () => Promise.resolve()) {
    super();
  }
  async send(message: ProviderMessage) {
    this.calls.push(message);
    await this.meanwhile();
    return { kind: 'accepted', providerMessageId: `wamid.${message.customer}.${message.intentId}` } as const;
  }
}

describe('what is under way when two aliases become one customer', () => {
  let stage: Stage;
  let next = 0;
  const pair = (): readonly [string, string] => {
    next += 1;
    return [`s${next}-a`, `s${next}-b`];
  };
  const link = (customer: string, other: string, relation: 'same' | 'changed' = 'same') =>
    new LinkCustomers(new Customers(stage.store, stage.readModel), stage.directory).run([
      {
        account: ACCOUNT,
        customer: [customer],
        other: [other],
        relation,
        claimedAt: stage.clock.at,
        receivedAt: stage.clock.at,
        because: 'sandbox/l1',
        metadata,
      },
    ]);
  const worker = (provider: SendProvider) => stage.sender(provider);
  const key = (customer: string, intentId: string) => ({ account: ACCOUNT, customer, intentId });
  const typesOf = async (customer: string) => (await stage.events(customer)).map(({ event }) => event.type);
  const rowsOf = (customer: string, intentId: string) => stage.readModel.decisions([key(customer, intentId)]);

  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
  });
  afterAll(() => stage.close());

  test('a permit of the losing alias is used once, whichever alias a command names', async () => {
    const [survivor, loser] = pair();
    await stage.recorder().run([wrote(loser, 'm1', T0), wrote(survivor, 'm2', T0)]);
    await stage.dispatcher().run([intent(loser, 'a')]);
    await link(survivor, loser);
    const provider = new Accepting();
    expect(await worker(provider).run([key(loser, 'a'), key(survivor, 'a')])).toEqual(['accepted', 'not-due']);
    expect(await worker(provider).run([key(loser, 'a')])).toEqual(['not-due']);
    expect(provider.calls).toMatchObject([{ customer: survivor, correlation: `${ACCOUNT}/${survivor}/a` }]);
    expect((await typesOf(survivor)).slice(-3)).toEqual(['CustomerMerged', 'SendStarted', 'SendAccepted']);
  });

  test('case 39: an intent that both aliases were permitted is sent once', async () => {
    const [survivor, loser] = pair();
    await stage.recorder().run([wrote(loser, 'm1', T0), wrote(survivor, 'm2', T0)]);
    await stage.dispatcher().run([intent(loser, 'a'), intent(survivor, 'a')]);
    await stage.project();
    await link(survivor, loser);
    const provider = new Accepting();
    await worker(provider).run([key(loser, 'a'), key(survivor, 'a')]);
    expect(provider.calls).toHaveLength(1);
    await stage.project();
    expect(await rowsOf(loser, 'a')).toEqual([]);
    expect(await rowsOf(survivor, 'a')).toMatchObject([{ outcome: 'authorised', delivery: 'accepted' }]);
  });

  test.each([false, true])(
    'a link during the call: the outcome is the survivor’s; projected: %s',
    async (projected) => {
      const [survivor, loser] = pair();
      await stage.recorder().run([wrote(loser, 'm1', T0), wrote(survivor, 'm2', T0)]);
      await stage.dispatcher().run([intent(loser, 'a')]);
      if (projected) await stage.project();
      const provider = new Accepting(() => link(survivor, loser));
      expect(await worker(provider).run([key(loser, 'a')])).toEqual(['accepted']);
      expect((await typesOf(loser)).slice(-2)).toEqual(['SendStarted', 'CustomerLinked']);
      expect((await typesOf(survivor)).slice(-2)).toEqual(['CustomerMerged', 'SendAccepted']);
      // With the correlation of the call, then by the provider's id alone.
      const report = {
        account: ACCOUNT,
        delivery: { status: 'delivered', at: plus(T0, 1), providerMessageId: `wamid.${loser}.a` } as const,
        metadata,
      };
      expect(await stage.reports().run([{ ...report, correlation: `${ACCOUNT}/${loser}/a` }])).toEqual(['recorded']);
      await stage.project();
      expect(await stage.reports().run([report, { ...report, customer: loser }])).toEqual(['duplicate', 'duplicate']);
      expect(await rowsOf(survivor, 'a')).toMatchObject([
        { delivery: 'delivered', providerMessageId: `wamid.${loser}.a` },
      ]);
      const months = [{ account: ACCOUNT, month: '2026-11' }];
      const before = (await stage.readModel.activeUsers(months)).users;
      await stage.recorder().run([wrote(loser, 'm3', plus(T0, 2))]);
      await stage.project();
      expect((await stage.readModel.activeUsers(months)).users).toEqual(before);
    },
  );

  test('a report that was recorded on the losing alias is known after the link', async () => {
    const [survivor, loser] = pair();
    await stage.recorder().run([wrote(loser, 'm1', T0), wrote(survivor, 'm2', T0)]);
    await stage.dispatcher().run([intent(loser, 'a')]);
    const sending = worker(new Accepting());
    await sending.run([key(loser, 'a')]);
    const report = {
      account: ACCOUNT,
      correlation: `${ACCOUNT}/${loser}/a`,
      delivery: { status: 'delivered', at: plus(T0, 1), providerMessageId: `wamid.${loser}.a` } as const,
      metadata,
    };
    expect(await stage.reports().run([report])).toEqual(['recorded']);
    await stage.project();
    await link(survivor, loser);
    expect(await stage.reports().run([report])).toEqual(['duplicate']);
  });

  test('what the losing alias held goes when the survivor’s window opens, in the order of the holds of each', async () => {
    const [survivor, loser] = pair();
    const holds = { whenClosed: 'hold' } as const;
    await stage.dispatcher().run([intent(loser, 'h1', holds), intent(loser, 'h2', holds), intent(loser, 'h3', holds)]);
    await stage.recorder().run([wrote(survivor, 'm0', plus(T0, -48 * HOUR_MS))]);
    await link(survivor, loser);
    await stage.dispatcher().run([cancellation(loser, 'h2')]);
    await stage.recorder().run([wrote(survivor, 'm2', T0)]);
    await stage.project();
    await new ReleaseHolds(stage.dispatcher(), stage.readModel, stage.clock).run();
    const provider = new Accepting();
    await stage.project();
    const due = await stage.readModel.awake(['authorised'], plus(T0, 48 * HOUR_MS), 100);
    expect(due.filter(({ customer }) => customer === loser)).toEqual([]);
    await worker(provider).run(due.filter(({ customer }) => customer === survivor));
    expect(provider.calls.map(({ intentId }) => intentId)).toEqual(['h1', 'h3']);
    expect(await stage.dispatcher().run([cancellation(survivor, 'h1')])).toEqual([
      { kind: 'too-late', outcome: 'authorised' },
    ]);
  });

  test('case 22: a permit of a number that was given up is taken back before the call', async () => {
    const [one, two] = pair();
    for (const [old, now] of [
      [one, two],
      [`${two}-x`, `${one}-x`],
    ] as const) {
      await stage.recorder().run([wrote(old, 'm1', T0), wrote(now, 'm2', T0)]);
      await stage.dispatcher().run([intent(old, 'a')]);
      await link(now, old, 'changed');
      await stage.recorder().run([wrote(now, 'm3', plus(T0, 1))]);
      const provider = new Accepting();
      expect(await worker(provider).run([key(old, 'a')])).toEqual(['revoked']);
      expect(provider.calls).toEqual([]);
      await stage.project();
      const [row] = await stage.readModel.decisions([old, now].map((customer) => key(customer, 'a')));
      expect(row).toMatchObject({ outcome: 'refused', reason: 'window-closed' });
    }
  });
});
