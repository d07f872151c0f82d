import type { Attempt, TemplateStatus, Told } from './book.js';
import { calm, type SimulatorOptions } from './options.js';
import { Platform, type Submission } from './platform.js';

const T0 = Date.UTC(2026, 10, 2, 9);
const HOUR_MS = 3_600_000;
const PHONE = '491701234567';

const options: SimulatorOptions = {
  ...calm,
  book: '',
  webhooks: 'http://gate',
  accounts: {
    acme: {
      templates: [
        { name: 'receipt', language: 'en', category: 'utility' },
        { name: 'offer', language: 'en', category: 'marketing' },
      ],
    },
  },
};
const session: Submission = {
  provider: 'meta',
  account: 'acme',
  sender: 'S1',
  to: { phone: `+${PHONE}` },
  correlation: 'c',
};
const receipt = { template: { name: 'receipt', language: 'en' } };
const offer = { template: { name: 'offer', language: 'en' } };

describe("the platform's book", () => {
  const platformAt = (given: Partial<SimulatorOptions> = {}) => {
    const clock = { at: T0 };
    const platform = new Platform({ ...options, ...given }, () => clock.at);
    let told = 0;
    let submitted = 0;
    const tell = (update: Partial<Told> & { readonly kind: Told['kind'] }): string => {
      const id = `u${(told += 1)}`;
      const whole = { provider: 'meta', account: 'acme', sender: 'S1', person: PHONE, type: 'text', at: clock.at };
      platform.enter({ kind: 'told', update: { ...whole, ...update, id } as Told });
      return id;
    };
    const submit = (submission: Partial<Submission> = {}): Attempt => {
      const correlation = `c${(submitted += 1)}`;
      const attempt = platform.judge({ ...session, correlation, ...submission });
      platform.enter(attempt);
      return attempt;
    };
    const ack = (...ids: string[]): void => platform.enter({ kind: 'acked', ids, at: clock.at });
    return { platform, clock, tell, submit, ack };
  };

  test('keeps a window open for 24 hours and not a millisecond longer, by sender', () => {
    const { clock, tell, submit } = platformAt();
    tell({ kind: 'wrote' });
    clock.at = T0 + 24 * HOUR_MS - 1;
    expect(submit()).toMatchObject({ fate: 'taken' });
    expect(submit({ sender: 'S2' })).toMatchObject({ fate: 'refused', breaches: ['outside-window'] });
    clock.at = T0 + 24 * HOUR_MS;
    expect(submit()).toMatchObject({ fate: 'refused', refusal: 'window-closed', breaches: ['outside-window'] });
    expect(submit(receipt)).toMatchObject({ fate: 'taken' });
  });

  test('opens no window by a reaction, and shortens none by an older message', () => {
    const { tell, submit } = platformAt();
    tell({ kind: 'wrote', type: 'reaction' });
    expect(submit()).toMatchObject({ refusal: 'window-closed' });
    tell({ kind: 'wrote' });
    tell({ kind: 'wrote', at: T0 - 30 * HOUR_MS });
    expect(submit()).toMatchObject({ fate: 'taken' });
  });

  test('holds a STOP against the gate once it was told and had time to act, but for one confirmation', () => {
    const { clock, tell, submit, ack } = platformAt();
    const stop = tell({ kind: 'wrote', text: 'stop', stop: true });
    expect(submit(receipt)).not.toHaveProperty('breaches');
    ack(stop);
    clock.at = T0 + 2_000;
    expect(submit(receipt)).not.toHaveProperty('breaches');
    clock.at = T0 + 2_001;
    expect(submit(receipt)).toMatchObject({ breaches: ['after-stop'] });
    expect(submit()).not.toHaveProperty('breaches');
    expect(submit()).toMatchObject({ breaches: ['after-stop'] });
    tell({ kind: 'wrote', text: 'why?' });
    expect(submit()).not.toHaveProperty('breaches');
    expect(submit(receipt)).toMatchObject({ breaches: ['after-stop'] });
  });

  test('forgets a STOP when the customer agrees again', () => {
    const { platform, clock, tell, submit, ack } = platformAt();
    ack(tell({ kind: 'wrote', stop: true }));
    clock.at = T0 + HOUR_MS;
    platform.enter({ kind: 'consented', account: 'acme', person: PHONE, at: clock.at });
    expect(submit(receipt)).not.toHaveProperty('breaches');
  });

  test('refuses marketing to who has stopped it, and only that', () => {
    const { clock, tell, submit, ack } = platformAt();
    ack(tell({ kind: 'preferred', value: 'stop' }));
    expect(submit(offer)).toEqual(expect.objectContaining({ refusal: 'opted-out' }));
    expect(submit(receipt)).toMatchObject({ fate: 'taken' });
    clock.at = T0 + HOUR_MS;
    expect(submit(offer)).toMatchObject({ refusal: 'opted-out', breaches: ['after-stop'] });
    tell({ kind: 'preferred', value: 'resume' });
    expect(submit(offer)).toMatchObject({ fate: 'taken' });
  });

  test.each<[TemplateStatus, string]>([
    ['PAUSED', 'template-paused'],
    ['DISABLED', 'template-disabled'],
    ['REJECTED', 'template-unknown'],
  ])('refuses a template that is %s, and holds it against the gate once it was told', (status, refusal) => {
    const { clock, tell, submit, ack } = platformAt();
    const news = tell({ kind: 'template', name: 'receipt', language: 'en', category: 'utility', status });
    expect(submit(receipt)).toMatchObject({ fate: 'refused', refusal });
    ack(news);
    clock.at = T0 + 2_001;
    expect(submit(receipt)).toMatchObject({ refusal, breaches: ['template-unavailable'] });
    tell({ kind: 'template', name: 'receipt', language: 'en', category: 'utility', status: 'APPROVED' });
    expect(submit(receipt)).toMatchObject({ fate: 'taken' });
    expect(submit({ template: { name: 'receipt', language: 'fr' } })).toMatchObject({ refusal: 'template-unknown' });
  });

  test('takes 45 messages at once to one customer, and then one in six seconds', () => {
    const { clock, tell, submit } = platformAt();
    tell({ kind: 'wrote' });
    for (let count = 0; count < 45; count += 1) expect(submit()).toMatchObject({ fate: 'taken' });
    expect(submit()).toMatchObject({ refusal: 'pair-limit', breaches: ['pair-limit'] });
    expect(submit({ ...receipt, to: { phone: '15550002222' } })).toMatchObject({ fate: 'taken' });
    // A second early: messages may come closer together on their way.
    clock.at = T0 + 5_000;
    expect(submit()).toMatchObject({ fate: 'taken' });
    clock.at = T0 + 10_999;
    expect(submit()).toMatchObject({ refusal: 'pair-limit' });
    clock.at = T0 + 11_000;
    expect(submit()).toMatchObject({ fate: 'taken' });
  });

  test('convicts a correlation that comes again after it was taken, not after it was refused or lost', () => {
    const { tell, submit } = platformAt();
    expect(submit({ correlation: 'x' })).toMatchObject({ fate: 'refused' });
    tell({ kind: 'wrote' });
    expect(submit({ correlation: 'x' })).not.toHaveProperty('breaches');
    expect(submit({ correlation: 'x' })).toMatchObject({ fate: 'taken', breaches: ['repeated'] });
    const deaf = platformAt({ silenceRate: 1 });
    deaf.tell({ kind: 'wrote' });
    const fates = Array.from({ length: 40 }, (_, index) => deaf.submit({ correlation: `d${index % 20}` }));
    const taken = new Set<string>();
    for (const { correlation, fate, silent, breaches } of fates) {
      expect([fate, silent]).toEqual(fate === 'taken' ? ['taken', true] : ['lost', undefined]);
      expect(breaches ?? []).toEqual(fate === 'taken' && taken.has(correlation) ? ['repeated'] : []);
      if (fate === 'taken') taken.add(correlation);
    }
    expect(taken.size).toBeGreaterThan(3);
  });

  test('the same seed does the same to the same messages, in whatever order they come', () => {
    const fates = (seed: number, correlations: readonly string[]) => {
      const { submit } = platformAt({ seed, failureRate: 0.5 });
      return Object.fromEntries(
        correlations.map((correlation) => [correlation, submit({ ...receipt, correlation }).fate]),
      );
    };
    const names = Array.from({ length: 30 }, (_, index) => `c${index}`);
    expect(fates(7, names.toReversed())).toEqual(fates(7, names));
    expect(fates(8, names)).not.toEqual(fates(7, names));
    expect(new Set(Object.values(fates(7, names)))).toEqual(new Set(['taken', 'refused']));
  });

  test('knows a customer by user id once they wrote', () => {
    const { platform, tell, submit } = platformAt();
    const userId = platform.userIdOf('acme', PHONE);
    expect(submit({ to: { userId } })).toMatchObject({ person: userId, refusal: 'window-closed' });
    tell({ kind: 'wrote', hidden: true });
    expect(submit({ to: { userId } })).toMatchObject({ person: PHONE, fate: 'taken' });
  });

  test('reports what it took, and for Sinch what the channel refused', () => {
    const { platform, tell, submit } = platformAt({ readRate: 1 });
    const statuses = (attempt: Attempt) => platform.reportsOf(attempt).map(({ status, refusal }) => refusal ?? status);
    expect(statuses(submit())).toEqual([]);
    expect(statuses(submit({ provider: 'sinch' }))).toEqual(['window-closed']);
    tell({ kind: 'wrote' });
    expect(statuses(submit())).toEqual(['sent', 'delivered', 'read']);
    expect(platform.pending.size).toBe(5);
  });
});
