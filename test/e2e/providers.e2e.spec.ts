import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calm, type SimulatorOptions } from '#apps/simulator/options';
import { startSimulator, type RunningSimulator } from '#apps/simulator/start';
import { findFreePort } from '../../deploy/kafka/ports.js';
import { accountMessagesOf } from './crash-load.js';
import { engineNames, startEngines, type EngineName, type Engines } from './engines.js';
import {
  nameOf,
  peopleFor,
  providerOf,
  senders,
  settingsFiles,
  simulatedAccounts,
  TURNS,
  wishesOf,
  type Person,
  type Wish,
} from './platform-load.js';
import { standingOf, type Standing } from './standing.js';
import { Supervisor } from './supervisor.js';

/** Once by hand with many more, on one kind of engines: CONTRIBUTING.md says how. */
const INTENTS = Number(process.env['TIDEGATE_TEST_INTENTS'] ?? 1_000);
const KILLS = Number(process.env['TIDEGATE_TEST_KILLS'] ?? 3);
const CHOSEN = engineNames.filter((name) => (process.env['TIDEGATE_TEST_ENGINES'] ?? name) === name);
/** Names the run: the same seed chooses the same failures of the platform. */
const SEED = Number(process.env['TIDEGATE_TEST_SEED'] ?? Date.now() % 100_000);
const QUIET_WITHIN_MS = 60_000 + INTENTS * 30;
/** A busy machine must not make time-outs that the platform did not choose. */
const ATTEMPT_TIME_MS = 15_000;
const IDENTITY_KEY = 'ab'.repeat(32);
const TELL_EVERY_MS = 20_000;
/** In one request. */
const WISHES_AT_ONCE = 500;

const platform: Omit<SimulatorOptions, 'book' | 'webhooks'> = {
  ...calm,
  accounts: simulatedAccounts,
  seed: SEED,
  silenceRate: 0.05,
  failureRate: 0.05,
  duplicateRate: 0.1,
  lateRate: 0.05,
  lateMs: 1_000,
  shuffleMs: 200,
  graceMs: 30_000,
};

/** What may be lost to a death of another app for a moment: then an app gives up, and is started again. */
const byNeighbours = /checkpoint-taken|queue-unavailable/;

describe.each(CHOSEN)(
  'Sinch and Meta, simulated; the gate on %s engines, killed at random',
  (engineName: EngineName) => {
    const people = peopleFor(INTENTS);
    const sent: Wish[] = [];
    const startedAt = Date.now();
    let standing: ReadonlyMap<Wish, Standing> = new Map();
    let folder: string;
    let running: RunningSimulator;
    let engines: Engines;
    let gate: Supervisor;
    let url: string | undefined;
    let kills = 0;
    const failures: string[] = [];

    const progress = (what: string): void => {
      const seconds = Math.round((Date.now() - startedAt) / 1_000);
      process.stderr.write(`${engineName}, ${seconds} s: ${what} ${JSON.stringify(running.simulator.summary())}\n`);
    };
    const until = async (what: string, holds: () => Promise<boolean> | boolean): Promise<void> => {
      let toldAt = Date.now();
      for (const deadline = Date.now() + QUIET_WITHIN_MS; Date.now() < deadline; await sleep(200)) {
        if (await holds()) return;
        if (Date.now() < toldAt + TELL_EVERY_MS) continue;
        toldAt = Date.now();
        progress(`waits until ${what}`);
      }
      progress(`waited in vain until ${what}`);
      throw new Error(`It never came about that ${what}. ${[...failures, ...gate.failures].join('\n')}`);
    };
    /** As a client does who was not answered: again, until it is. */
    const asked = async (path: string, body?: object): Promise<Response> => {
      const posted = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      for (;;) {
        try {
          url ??= await gate.url(engines.api);
          const response = await fetch(`${url}${path}`, body === undefined ? {} : posted);
          if (response.status < 500) return response;
        } catch {
          // Killed meanwhile: its successor has another address.
          url = undefined;
        }
        await sleep(100);
      }
    };
    /** What the platform took, by account, phone and intent id. */
    const takenOnes = (): ReadonlyMap<string, number> => {
      const taken = new Map<string, number>();
      for (const { account, person, correlation, fate } of running.simulator.messages()) {
        const name = `${account}/${person}/${correlation.split('/').at(-1)}`;
        if (fate === 'taken') taken.set(name, (taken.get(name) ?? 0) + 1);
      }
      return taken;
    };
    /** Wishes of which nobody knows yet what became of them, and does not say so either. */
    const openOnes = (): readonly Wish[] => {
      const taken = takenOnes();
      return sent.filter((wish) => {
        const { outcome, delivery } = standing.get(wish) ?? {};
        if (outcome === undefined || outcome === 'held') return true;
        if (outcome !== 'authorised') return false;
        if (delivery === 'outcome-unknown') return taken.has(nameOf(wish));
        return delivery !== 'delivered' && delivery !== 'read' && delivery !== 'failed';
      });
    };
    const look = async (): Promise<void> => {
      const database = await engines.openDatabase();
      standing = await standingOf(database, IDENTITY_KEY, sent);
      await database.close();
    };
    const startGate = async (): Promise<void> => {
      gate = new Supervisor(
        engines.apps,
        {
          ...engines.environment,
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
    /** Deaths spread over the run: one whenever the platform has got another share of the attempts. */
    const haunt = async (): Promise<void> => {
      while (kills < KILLS) {
        await gate.ready();
        const expected = (INTENTS / 2) * (kills / KILLS);
        for (const deadline = Date.now() + QUIET_WITHIN_MS / KILLS; Date.now() < deadline; await sleep(100))
          if (running.simulator.messages().length >= expected) break;
        await sleep(500 + Math.random() * 2_500);
        // Every other time who calls the platform; else anyone.
        const victims = kills % 2 === 0 ? engines.apps.filter((app) => app === 'provider') : engines.apps;
        const [any = engines.api] = engines.apps;
        await gate.kill(victims[Math.floor(Math.random() * victims.length)] ?? any);
        kills += 1;
      }
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tidegate-providers-'));
      engines = await startEngines(engineName, folder);
      const port = await findFreePort();
      const options = { book: join(folder, 'book.jsonl'), webhooks: `http://127.0.0.1:${port}/webhooks` };
      running = await startSimulator({ ...platform, ...options }, 0);
      for (const [name, content] of Object.entries(settingsFiles(running.url, port)))
        await writeFile(join(folder, `${name}.json`), JSON.stringify(content));
      const overrides = { attemptTimeMs: ATTEMPT_TIME_MS, retryAfterMs: 200 };
      await engines.publish(
        Object.entries(senders).flatMap(([account, own]) => accountMessagesOf(account, own, overrides, Date.now())),
      );
      await startGate();
      // Between topics there is no order: what is told of an unknown account is a dead letter.
      await until('the accounts are known', async () => {
        const answers = await Promise.all(
          Object.keys(senders).map((account) => asked(`/v1/accounts/${account}/templates`)),
        );
        return answers.every(({ ok }) => ok);
      });
      for (const account of Object.keys(senders))
        running.simulator.setTemplate(account, 'receipt', 'en', 'utility', 'APPROVED');
      const writers = people.filter(({ life }) => life !== 'stranger' && life !== 'waited-for');
      for (const person of writers) write(person, 'Where is my parcel?');
      await until('the gate has heard of all that was written', () => running.simulator.pending === 0);
      await until('the gate knows it', async () => {
        const answers = await Promise.all(
          writers
            .slice(-10)
            .map(({ account, phone }) => asked(`/v1/accounts/${account}/customers/%2B${phone}/windows`)),
        );
        return answers.every(({ ok }) => ok);
      });
      progress('all have written');

      const haunting = haunt();
      for (let turn = 0; turn < TURNS; turn += 1) {
        const wishes = wishesOf(people, turn);
        sent.push(...wishes);
        for (let from = 0; from < wishes.length; from += WISHES_AT_ONCE) {
          const some = wishes.slice(from, from + WISHES_AT_ONCE);
          // Upstreams repeat themselves.
          const bodies = [...some, ...some.slice(0, 20)].map(({ body }) => body);
          const response = await asked('/v1/send-intents', { intents: bodies });
          if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
        }
        if (turn === 1) {
          for (const person of people) {
            if (person.life === 'stopping') write(person, 'STOP');
            if (person.life === 'waited-for') write(person, 'Here I am.');
          }
        }
        progress(`turn ${turn + 1} of ${TURNS} has been wished for`);
      }
      await until('all have died who shall', () => kills === KILLS);
      await haunting;
      progress(`${kills} have died`);
      for (const deadline = Date.now() + QUIET_WITHIN_MS; ;) {
        // Longer than an attempt may take: what nobody answered is given up by then.
        await sleep(ATTEMPT_TIME_MS + 4_000);
        await until('the gate has heard of all that became of it', () => running.simulator.pending === 0);
        if (engines.isExclusive) {
          await gate.stop();
          failures.push(...gate.failures);
        }
        await look();
        const open = openOnes();
        progress(`${open.length} are open`);
        if (open.length === 0) break;
        const some = open.slice(0, 20).map((wish) => [nameOf(wish), standing.get(wish)]);
        if (Date.now() > deadline) throw new Error(`${open.length} have not come to an end: ${JSON.stringify(some)}`);
        if (engines.isExclusive) await startGate();
      }
      if (!engines.isExclusive) {
        await gate.stop();
        failures.push(...gate.failures);
      }
    }, QUIET_WITHIN_MS * 3);
    afterAll(async () => {
      await gate?.stop();
      await running?.stop();
      await engines?.stop();
      await rm(folder, { recursive: true, force: true });
    }, 60_000);

    test('the gate was killed, and never died by itself', () => {
      expect(kills).toBe(KILLS);
      expect(failures.filter((failure) => engines.isExclusive || !byNeighbours.test(failure))).toEqual([]);
    });

    test('the platform found no breach of its rules', () => {
      expect(running.simulator.breaches()).toEqual([]);
    });

    test('nothing was sent twice', () => {
      expect([...takenOnes()].filter(([, times]) => times !== 1)).toEqual([]);
    });

    test('every message that the platform took is known as delivered, and nothing else is', () => {
      const taken = takenOnes();
      const delivered = sent.filter((wish) => ['delivered', 'read'].includes(standing.get(wish)?.delivery ?? ''));
      expect(new Set(delivered.map(nameOf))).toEqual(new Set(taken.keys()));
      expect(taken.size).toBeGreaterThan(INTENTS / 3);
      for (const provider of ['sinch', 'meta'])
        expect(running.simulator.messages().filter((message) => message.provider === provider).length).toBeGreaterThan(
          9,
        );
    });

    test('of every intent it is known what became of it, or that nobody knows', () => {
      const fates = new Map<string, number>();
      for (const wish of sent) {
        const { outcome = 'undecided', delivery } = standing.get(wish) ?? {};
        const fate = outcome === 'authorised' ? String(delivery) : outcome;
        fates.set(fate, (fates.get(fate) ?? 0) + 1);
      }
      progress(`seed ${SEED}, ${sent.length} intents came to ${JSON.stringify(Object.fromEntries(fates))};`);
      const ends = ['refused', 'expired', 'delivered', 'read', 'failed', 'outcome-unknown'];
      expect([...fates.keys()].filter((fate) => !ends.includes(fate))).toEqual([]);
      expect(fates.get('outcome-unknown')).toBeGreaterThan(0);
    });

    test('who must not be written to was not, and who was waited for was', () => {
      const outcomes = (life: Person['life'], turns: readonly number[]) =>
        new Set(
          sent
            .filter(
              ({ person, intentId }) => person.life === life && turns.includes(Number(intentId.split('-').at(-1))),
            )
            .map((wish) => standing.get(wish)?.outcome),
        );
      expect(outcomes('stranger', [0, 1, 2, 3])).toEqual(new Set(['refused']));
      expect(outcomes('waited-for', [0, 1])).toEqual(new Set(['authorised']));
      expect(outcomes('busy', [0])).toEqual(new Set(['authorised']));
    });
  },
);
