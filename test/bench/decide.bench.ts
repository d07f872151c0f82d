// How many intents one core decides, the pure part only: rules and fold, no engine, no encoding.
// Run: npm run build && node dist/test/bench/decide.bench.js [--json]

import { evolveAccount, initialAccount } from '#domain/account';
import type { Situation } from '#domain/gate/context';
import { decide } from '#domain/gate/decide';
import type { CustomerEvent } from '#domain/gate/events';
import { evolve, fold } from '#domain/gate/evolve';
import type { IntentPersonal, SendIntent } from '#domain/gate/intent';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import { evolveTemplate, initialTemplate } from '#domain/template';
import { HOUR_MS, instantOf, plus } from '#domain/time';

const now = instantOf(Date.UTC(2026, 10, 23, 12));
const sender = '4930555000001';
const onboardedAt = instantOf(Date.UTC(2026, 0, 1));

const account = [
  { type: 'AccountRegistered', at: onboardedAt, zone: 'Europe/Berlin' } as const,
  { type: 'SenderRegistered', at: onboardedAt, sender, onboardedAt } as const,
].reduce(evolveAccount, initialAccount('acme'));

const template = evolveTemplate(initialTemplate('order_update', 'en'), {
  type: 'TemplateApproved',
  at: onboardedAt,
  category: 'utility',
  parameters: ['name', 'order'],
});

const openerBefore = (hours: number): CustomerEvent => ({
  type: 'CustomerMessageReceived',
  at: plus(now, -hours * HOUR_MS),
  provider: 'sinch',
  sender,
  messageId: `m-${hours}`,
  messageType: 'text',
  origin: 'customer',
  receivedAt: plus(now, -hours * HOUR_MS),
  opens: true,
  authored: true,
  policy: 'sinch-2021@1',
});
const optIn: CustomerEvent = {
  type: 'CustomerOptedIn',
  at: onboardedAt,
  scope: 'all',
  source: 'web-form',
  reference: 'form-17',
  receivedAt: onboardedAt,
};

const session: SendIntent['content'] = { kind: 'session', messageType: 'text' };
const orderUpdate = {
  kind: 'template',
  name: 'order_update',
  language: 'en',
  parameters: ['name', 'order'],
} as const satisfies SendIntent['content'];
const personal: IntentPersonal = { to: { phone: '491700000001' }, text: 'Your order is on its way.' };

const intent = (intentId: string, more: Partial<SendIntent>): SendIntent => ({
  intentId,
  sender,
  content: session,
  whenClosed: 'refuse',
  whenPaused: 'refuse',
  fingerprint: 'f',
  ...more,
});

/** The mix: what a busy account's intents meet, one customer each. */
const scenes: readonly { readonly name: string; readonly customer: CustomerState; readonly intent: SendIntent }[] = [
  {
    name: 'session in its window',
    customer: fold([optIn, openerBefore(2)], initialCustomer),
    intent: intent('i-1', {}),
  },
  {
    name: 'template outside a window',
    customer: fold([optIn, openerBefore(48)], initialCustomer),
    intent: intent('i-2', { content: orderUpdate }),
  },
  {
    name: 'session after its window, with a fallback',
    customer: fold([optIn, openerBefore(48)], initialCustomer),
    intent: intent('i-3', { whenClosed: 'fallback', fallback: orderUpdate }),
  },
  { name: 'session after its window', customer: fold([openerBefore(48)], initialCustomer), intent: intent('i-4', {}) },
];

const situationOf = (customer: CustomerState): Situation => ({
  now,
  customer,
  customerRevision: 2,
  account,
  template: (name, language) => (name === template.name && language === template.language ? template : undefined),
  activeUsers: { users: 1_000, position: 12_345 },
});

interface Rate {
  readonly perSecond: number;
  /** Per second of processor time: what a core to itself would give, where others share the machine. */
  readonly perCpuSecond: number;
}

/** Intents decided and folded, all scenes in turn, for about this long. */
const rate = (milliseconds: number, chosen: typeof scenes): Rate => {
  const tasks = chosen.map((scene) => ({ ...scene, situation: situationOf(scene.customer) }));
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  let elapsed = 0;
  let intents = 0;
  let open = 0;
  while (elapsed < milliseconds) {
    for (let round = 0; round < 1_000; round += 1) {
      for (const task of tasks) {
        const after = evolve(task.customer, decide(task.intent, personal, task.situation));
        // Reads the result, so that the work cannot be optimised away.
        if (task.intent.intentId in after.intents) open += 1;
      }
    }
    intents += 1_000 * tasks.length;
    elapsed = performance.now() - startedAt;
  }
  if (open > intents) throw new Error('more intents are open than were decided');
  const cpu = process.cpuUsage(cpuBefore);
  return {
    perSecond: Math.round((intents * 1_000) / elapsed),
    perCpuSecond: Math.round((intents * 1_000_000) / (cpu.user + cpu.system)),
  };
};

const SLICES = 15;

/** The median is what to expect; the best slice is what the code can do when nothing else wants the core. */
const measured = (sliceMs: number, chosen = scenes): Rate & { readonly best: number } => {
  const rates = Array.from({ length: SLICES }, () => rate(sliceMs, chosen));
  const sorted = (of: keyof Rate) => rates.map((one) => one[of]).toSorted((a, b) => a - b);
  const median = (of: keyof Rate) => sorted(of)[(SLICES - 1) / 2] ?? 0;
  return {
    perSecond: median('perSecond'),
    perCpuSecond: median('perCpuSecond'),
    best: sorted('perSecond').at(-1) ?? 0,
  };
};

rate(500, scenes); // warms up
const all = measured(200);
const result = {
  bench: 'decide',
  node: process.version,
  goalPerSecond: 1_000_000,
  ...all,
  millionsPerCore: Number((all.perCpuSecond / 1_000_000).toFixed(2)),
  scenes: scenes.map((scene) => ({ name: scene.name, ...measured(50, [scene]) })),
};

if (process.argv.includes('--json')) {
  console.log(JSON.stringify(result));
} else {
  const shown = (perSecond: number): string => `${perSecond.toLocaleString('en')}/s`;
  console.log(
    `decide + evolve on one core: ${shown(result.perSecond)}, at best ${shown(result.best)}, ` +
      `${shown(result.perCpuSecond)} of processor time (goal 1,000,000/s)`,
  );
  for (const scene of result.scenes) {
    console.log(`  ${scene.name}: ${shown(scene.perSecond)}, ${shown(scene.perCpuSecond)} of processor time`);
  }
}
