import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EmbeddedQueue } from '#adapters/postgres/embedded-queue';
import { openDatabase } from '#adapters/postgres/open-database';
import { PostgresReadModel } from '#adapters/postgres/postgres-read-model';
import { CustomerIdentity } from '#application/customer-identity';
import { CustomerLookup } from '#apps/insights/customer-lookup';
import { calm, type SimulatorOptions } from '#apps/simulator/options';
import { startSimulator, type RunningSimulator } from '#apps/simulator/start';
import { inboundTopics, outboundTopics, topicName } from '#contracts/topics';
import { SystemClock } from '#platform/clock';
import { accountMessagesOf } from './crash-load.js';
import { Supervisor } from './supervisor.js';

/** Once by hand with many more: TIDEGATE_TEST_INTENTS=100000 npm run test:e2e -- providers */
const INTENTS = Number(process.env['TIDEGATE_TEST_INTENTS'] ?? 1_000);
const TURNS = 4;
const CUSTOMERS = Math.ceil(INTENTS / TURNS);
/** To one customer: more than the platform takes at once. */
const BUSY = 47;
/** Names the run: the same seed chooses the same failures of the platform. */
const SEED = Number(process.env['TIDEGATE_TEST_SEED'] ?? Date.now() % 100_000);
const QUIET_WITHIN_MS = 60_000 + INTENTS * 30;
const KILLS = Number(process.env['TIDEGATE_TEST_KILLS'] ?? 3);

const ATTEMPT_TIME_MS = 8_000;
const IDENTITY_KEY = 'ab'.repeat(32);

const SINCH_SENDER = '4930901820';
const META_SENDER = '15550783881';
const senders = { acme: [SINCH_SENDER, META_SENDER], beta: [META_SENDER] } as const;
type Account = keyof typeof senders;

const sinch = { projectId: 'p1', keyId: 'k1', keySecret: 'key-secret', apps: { [SINCH_SENDER]: 'app1' } };
const metaOf = (account: Account) => ({
  accessToken: `token-${account}`,
  phoneNumberIds: { [META_SENDER]: account === 'acme' ? '1065' : '2065' },
});
const templates = [{ name: 'receipt', language: 'en', category: 'utility' }] as const;

/** What sort of life a customer leads; each meets other rules. */
const lives = ['sinch', 'meta', 'stranger', 'stopping', 'waited-for'] as const;
interface Person {
  readonly phone: string;
  readonly life: (typeof lives)[number] | 'busy';
  readonly account: Account;
  readonly sender: string;
}
const people: readonly Person[] = [
  { phone: '491600000000', life: 'busy', account: 'beta', sender: META_SENDER },
  ...Array.from({ length: CUSTOMERS }, (_, number): Person => {
    const life = lives[number % lives.length] ?? 'sinch';
    const account = number % 3 === 0 ? 'beta' : 'acme';
    const sender = account === 'acme' && life !== 'meta' ? SINCH_SENDER : META_SENDER;
    return { phone: String(491_700_000_000 + number), life, account, sender };
  }),
];
const providerOf = ({ sender }: Person) => (sender === SINCH_SENDER ? 'sinch' : 'meta');

interface Wish {
  readonly person: Person;
  readonly intentId: string;
  readonly body: object;
}
const wishOf = (person: Person, turn: number): Wish => {
  const { phone, life, account, sender } = person;
  const intentId = `${life}-${turn}`;
  const isTemplate = turn % 4 === 3 && life !== 'waited-for';
  const terms =
    life === 'waited-for'
      ? { whenClosed: 'hold' }
      : turn % 4 === 1
        ? { whenClosed: 'fallback', fallback: { name: 'receipt', language: 'en' } }
        : {};
  const message = isTemplate
    ? { type: 'template', name: 'receipt', language: 'en' }
    : { type: 'text', text: 'Your parcel is on its way.' };
  return { person, intentId, body: { account, customer: { phone: `+${phone}` }, intentId, sender, message, ...terms } };
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
};

describe(`Sinch and Meta, simulated; the gate on its embedded engines, killed at random; seed ${SEED}`, () => {
  const sent: Wish[] = [];
  const last = new Map<Wish, { readonly outcome: string; readonly delivery: string | null }>();
  let folder: string;
  let running: RunningSimulator;
  let gate: Supervisor;
  let url: string | undefined;
  let kills = 0;
  const failures: string[] = [];

  const until = async (what: string, holds: () => Promise<boolean> | boolean): Promise<void> => {
    for (const deadline = Date.now() + QUIET_WITHIN_MS; Date.now() < deadline; await sleep(200)) {
      if (await holds()) return;
    }
    throw new Error(`It never came about that ${what}`);
  };
  /** As a client does who was not answered: again, until it is. */
  const asked = async (path: string, body?: object): Promise<Response> => {
    const posted = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    for (;;) {
      try {
        url ??= await gate.url('standalone');
        const response = await fetch(`${url}${path}`, body === undefined ? {} : posted);
        if (response.status < 500) return response;
      } catch {
        // Killed meanwhile: its successor has another address.
        url = undefined;
      }
      await sleep(100);
    }
  };
  const isSettled = (wish: Wish): boolean => {
    const { outcome, delivery } = last.get(wish) ?? {};
    if (outcome === undefined || outcome === 'held') return false;
    if (outcome !== 'authorised') return true;
    if (delivery === 'delivered' || delivery === 'read' || delivery === 'failed') return true;
    return delivery === 'outcome-unknown' && !takenOnes().has(nameOf(wish));
  };
  const nameOf = ({ person: { account, phone }, intentId }: Wish): string => `${account}/${phone}/${intentId}`;
  /** What the platform took, by account, phone and intent id. */
  const takenOnes = (): ReadonlyMap<string, number> => {
    const taken = new Map<string, number>();
    for (const { account, person, correlation, fate } of running.simulator.messages()) {
      const name = `${account}/${person}/${correlation.split('/').at(-1)}`;
      if (fate === 'taken') taken.set(name, (taken.get(name) ?? 0) + 1);
    }
    return taken;
  };
  /** What the gate knows of every wish, from its database: it must not run. */
  const look = async (): Promise<void> => {
    const database = await openDatabase(databaseFolder());
    const readModel = new PostgresReadModel(database);
    const lookup = new CustomerLookup(readModel, new CustomerIdentity(Buffer.from(IDENTITY_KEY, 'hex')));
    for (const wish of sent) {
      const { account, phone } = wish.person;
      const ids = await lookup.idsOf(account, `+${phone}`);
      const rows = await readModel.decisions(ids.map((customer) => ({ account, customer, intentId: wish.intentId })));
      const [row] = [...rows].sort((a, b) => b.position - a.position);
      if (row !== undefined) last.set(wish, row);
    }
    await database.close();
  };
  const databaseFolder = (): string => join(folder, 'data', 'database');
  const startGate = async (): Promise<void> => {
    gate = new Supervisor(
      ['standalone'],
      {
        TIDEGATE_DATA: join(folder, 'data'),
        TIDEGATE_PROVIDER: join(folder, 'provider.json'),
        TIDEGATE_WEBHOOKS: join(folder, 'webhooks.json'),
        TIDEGATE_IDENTITY_KEY: IDENTITY_KEY,
      },
      Math.random,
    );
    await gate.start();
  };
  const write = (person: Person, text: string): void => {
    const { phone, account, sender } = person;
    running.simulator.write(phone, { provider: providerOf(person), account, sender, type: 'text', text, agoMs: 0 });
  };
  const haunt = async (): Promise<void> => {
    while (kills < KILLS) {
      await gate.ready();
      await sleep(500 + Math.random() * 2_500);
      await gate.kill('standalone');
      kills += 1;
    }
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-providers-'));
    const port = await freePort();
    const options: SimulatorOptions = {
      ...calm,
      accounts: {
        acme: {
          sinch: { ...sinch, webhookSecret: 'webhook-secret' },
          meta: { ...metaOf('acme'), appSecret: 'app-secret' },
          templates,
        },
        beta: { meta: { ...metaOf('beta'), appSecret: 'app-secret' }, templates },
      },
      book: join(folder, 'book.jsonl'),
      webhooks: `http://127.0.0.1:${port}/webhooks`,
      seed: SEED,
      silenceRate: 0.03,
      failureRate: 0.01,
      duplicateRate: 0.1,
      lateRate: 0.05,
      lateMs: 1_000,
      shuffleMs: 200,
      graceMs: 30_000,
    };
    running = await startSimulator(options, 0);
    const api = running.url;
    const settings = {
      provider: {
        accounts: {
          acme: {
            sinch: { ...sinch, region: 'eu', apiUrl: api, authUrl: api, perSecond: 1_000 },
            meta: { ...metaOf('acme'), apiUrl: api, perSecond: 1_000 },
          },
          beta: { meta: { ...metaOf('beta'), apiUrl: api, perSecond: 1_000 } },
        },
      },
      webhooks: {
        listen: { port },
        accounts: {
          acme: {
            sinch: { secrets: ['webhook-secret'], senders: { app1: SINCH_SENDER } },
            meta: { secrets: ['app-secret'], verifyToken: 'verify-me' },
          },
          beta: { meta: { secrets: ['app-secret'], verifyToken: 'verify-me' } },
        },
      },
    };
    for (const [name, content] of Object.entries(settings))
      await writeFile(join(folder, `${name}.json`), JSON.stringify(content));

    // The accounts, as an operator would publish them.
    const database = await openDatabase(databaseFolder());
    const queue = new EmbeddedQueue(database, new SystemClock());
    await queue.createTopics([...inboundTopics, ...outboundTopics].map(topicName));
    const producer = await queue.producer();
    for (const [account, own] of Object.entries(senders)) {
      await producer.send(
        accountMessagesOf(account, own, { attemptTimeMs: ATTEMPT_TIME_MS, retryAfterMs: 200 }, Date.now()),
      );
    }
    await producer.close();
    await queue.close();
    await database.close();

    await startGate();
    for (const account of ['acme', 'beta'])
      running.simulator.setTemplate(account, 'receipt', 'en', 'utility', 'APPROVED');
    const writers = people.filter(({ life }) => life !== 'stranger' && life !== 'waited-for');
    for (const person of writers) write(person, 'Where is my parcel?');
    const pending = (): number => (running.simulator.summary() as { pending: number }).pending;
    await until('the gate has heard of all that was written', () => pending() === 0);
    await until('the gate knows it', async () => {
      const answers = await Promise.all(
        writers.slice(-10).map(({ account, phone }) => asked(`/v1/accounts/${account}/customers/%2B${phone}/windows`)),
      );
      return answers.every(({ ok }) => ok);
    });

    const haunting = haunt();
    const busy = people[0];
    if (busy !== undefined) {
      const wishes = Array.from({ length: BUSY }, (_, turn) => wishOf(busy, turn * 4));
      sent.push(...wishes);
      await asked('/v1/send-intents', { intents: wishes.map(({ body }) => body) });
    }
    for (let turn = 0; turn < TURNS; turn += 1) {
      const others = people.slice(1);
      for (let from = 0; from < others.length; from += 250) {
        const wishes = others.slice(from, from + 250).map((person) => wishOf(person, turn));
        sent.push(...wishes);
        // Upstreams repeat themselves.
        const repeated = wishes.slice(0, 20);
        const response = await asked('/v1/send-intents', {
          intents: [...wishes, ...repeated].map(({ body }) => body),
        });
        if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
      }
      if (turn === 1) {
        for (const person of people) {
          if (person.life === 'stopping') write(person, 'STOP');
          if (person.life === 'waited-for') write(person, 'Here I am.');
        }
      }
    }
    await haunting;
    for (const deadline = Date.now() + QUIET_WITHIN_MS; ; await startGate()) {
      // Longer than an attempt may take: what nobody answered is given up by then.
      await sleep(ATTEMPT_TIME_MS + 4_000);
      await until('the gate has heard of all that became of it', () => pending() === 0);
      await gate.stop();
      failures.push(...gate.failures);
      await look();
      const open = sent.filter((wish) => !isSettled(wish));
      if (open.length === 0) break;
      const some = open.slice(0, 20).map((wish) => [nameOf(wish), last.get(wish)?.outcome, last.get(wish)?.delivery]);
      if (Date.now() > deadline) throw new Error(`${open.length} have not come to an end: ${JSON.stringify(some)}`);
    }
  }, QUIET_WITHIN_MS * 3);
  afterAll(async () => {
    await gate?.stop();
    await running?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  test('the gate was killed, and never died by itself', () => {
    expect(kills).toBe(KILLS);
    expect(failures).toEqual([]);
  });

  test('the platform found no breach of its rules', () => {
    expect(running.simulator.breaches()).toEqual([]);
  });

  test('nothing was sent twice', () => {
    expect([...takenOnes()].filter(([, times]) => times !== 1)).toEqual([]);
  });

  test('every message that the platform took is known as delivered, and nothing else is', () => {
    const taken = takenOnes();
    const delivered = sent.filter((wish) => ['delivered', 'read'].includes(last.get(wish)?.delivery ?? ''));
    expect(new Set(delivered.map(nameOf))).toEqual(new Set(taken.keys()));
    expect(taken.size).toBeGreaterThan(INTENTS / 3);
    for (const provider of ['sinch', 'meta'])
      expect(running.simulator.messages().filter((message) => message.provider === provider).length).toBeGreaterThan(9);
  });

  test('who must not be written to was not, and who was waited for was', () => {
    const outcomes = (life: Person['life'], turns: readonly number[]) =>
      new Set(
        sent
          .filter(({ person, intentId }) => person.life === life && turns.includes(Number(intentId.split('-').at(-1))))
          .map((wish) => last.get(wish)?.outcome),
      );
    expect(outcomes('stranger', [0, 1, 2, 3])).toEqual(new Set(['refused']));
    expect(outcomes('waited-for', [0, 1])).toEqual(new Set(['authorised']));
    expect(outcomes('busy', [0])).toEqual(new Set(['authorised']));
  });
});
