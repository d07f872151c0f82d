import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { CollectEvidence } from '#application/history/evidence';
import { anchorHash, entryDigest, ledgerOf, linked, type Anchor } from '#application/history/ledger';
import { VerifyLedger } from '#application/history/verify';
import type { RecordedEvent } from '#application/ports/event-store';
import { ACCOUNT, cancellation, intent, openStage, wrote, type Stage } from '../gate/stage.js';
import { Course } from './course.js';
import { EditedStore, type Edit } from './edited-store.js';
import { MemoryAnchors } from './memory-anchors.js';

describe('the ledger', () => {
  let stage: Stage;
  let anchors: MemoryAnchors;
  /** All events of the log, and among them those that the ledger has. */
  let log: readonly RecordedEvent[];
  let entries: readonly RecordedEvent[];

  const verify = (edit: Edit = (events) => events) => new VerifyLedger(new EditedStore(stage.store, edit), anchors);
  const findings = async (edit?: Edit) => (await verify(edit).run()).findings;
  const without =
    (gone: RecordedEvent | undefined): Edit =>
    (events) =>
      events.filter(({ id }) => id !== gone?.id);

  /** Three anchors, and then something that is not anchored yet. */
  beforeAll(async () => {
    stage = await openStage();
    await stage.registerAccount();
    anchors = new MemoryAnchors();
    const course = new Course(stage, 'l-');
    for (let round = 0; round < 4; round += 1) {
      await course.play([
        { kind: 'write', customer: 0, agoMs: 0, text: 'hello' },
        { kind: 'consent', customer: 0, agoMs: 0, scope: 'all', status: 'opted-in' },
        { kind: 'intent', customer: 0, terms: {} },
        { kind: 'intent', customer: 1, terms: { whenClosed: 'hold' } },
        { kind: 'cancel', customer: 1, back: 0 },
        { kind: 'pass', durationMs: 60_000 },
      ]);
      if (round < 3) await verify().anchor(stage.clock);
    }
    await verify((events) => {
      log = events;
      return events;
    }).run();
    entries = log.filter((event) => ledgerOf(event) !== undefined);
  });
  afterAll(() => stage.close());

  test('has decisions, cancellations, consents, and what accounts became', () => {
    expect(new Set(entries.map(({ event }) => event.type))).toEqual(
      new Set([
        'AccountRegistered',
        'SenderRegistered',
        'CustomerOptedIn',
        'SendAuthorised',
        'SendHeld',
        'SendCancelled',
      ]),
    );
  });

  test('a log that nobody touched is whole, and anchoring it again adds nothing but what is new', async () => {
    const before = anchors.kept.get(ACCOUNT)?.length;
    expect(before).toBe(3);
    const { findings: found, ledgers } = await verify().run();
    expect(found).toEqual([]);
    expect(ledgers).toEqual([
      expect.objectContaining({ account: ACCOUNT, anchors: 3, entries: entries.length, unanchored: 4 }),
    ]);
  });

  test('an anchored entry that is changed, left out, doubled, or put elsewhere is found, whichever it is', async () => {
    const anchored = entries.slice(0, -4);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: anchored.length - 1 }),
        fc.constantFrom('change', 'delete', 'double', 'swap'),
        async (place, how) => {
          const entry = anchored[place];
          const other = anchored[(place + 1) % anchored.length];
          if (entry === undefined || other === undefined) throw new Error('no entry');
          const edits: Record<typeof how, Edit> = {
            change: (events) =>
              events.map((event) =>
                event.id === entry.id
                  ? { ...event, event: { ...event.event, at: (event.event.at + 1) as never } }
                  : event,
              ),
            delete: without(entry),
            double: (events) => events.flatMap((event) => (event.id === entry.id ? [event, event] : [event])),
            swap: (events) =>
              events.map((event) => (event.id === entry.id ? other : event.id === other.id ? entry : event)),
          };
          expect(await findings(edits[how])).not.toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('a change is placed between the two anchors around it, and the others still hold', async () => {
    const [first, second] = anchors.kept.get(ACCOUNT) ?? [];
    const changed = entries[(first?.entries ?? 0) + 1];
    const found = await findings((events) =>
      events.map((event) =>
        event.id === changed?.id && event.event.type === 'SendAuthorised'
          ? { ...event, event: { ...event.event, rule: '9' as const } }
          : event,
      ),
    );
    expect(found).toEqual([
      {
        kind: 'changed',
        account: ACCOUNT,
        anchor: 2,
        after: first?.last,
        upTo: second?.last,
        entriesExpected: 4,
        entriesFound: 4,
      },
    ]);
  });

  test('an event left out is a gap, whether the ledger has it or not', async () => {
    const message = log.find(({ event }) => event.type === 'CustomerMessageReceived');
    expect(await findings(without(message))).toEqual([
      { kind: 'gap', account: ACCOUNT, stream: message?.stream, expected: 0, found: 1 },
    ]);
  });

  test('a log that lost its end, up to whole streams, is found by the anchor that was made then', async () => {
    const last = anchors.kept.get(ACCOUNT)?.at(-1)?.last;
    const cut = log.findIndex(({ id }) => id === last?.id);
    expect(await findings((events) => events.slice(0, cut))).toEqual([
      { kind: 'missing', account: ACCOUNT, anchor: 3, entry: last },
    ]);
    expect((await findings(() => [])).map(({ kind }) => kind)).toEqual(['missing', 'missing', 'missing']);
  });

  test('anchors that were changed prove nothing from there on', async () => {
    const kept = anchors.kept.get(ACCOUNT) ?? [];
    const [first, second, third] = kept;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no anchors');
    // With its own hash computed anew: only the anchor after it gives it away.
    const forged: Anchor = { ...second, entries: second.entries - 1, hash: '' };
    for (const [changed, at] of [
      [[first, { ...forged, hash: anchorHash(forged) }, third], 3],
      [[first, forged, third], 2],
      [[first, third], 2],
      [[second, third], 1],
    ] as const) {
      anchors.kept.set(ACCOUNT, changed);
      expect(await findings()).toContainEqual({ kind: 'anchors', account: ACCOUNT, anchor: at });
    }
    anchors.kept.set(ACCOUNT, kept);
  });

  test('nothing is anchored while the log does not fit', async () => {
    const { added, findings: found } = await verify(without(entries[3])).anchor(stage.clock);
    expect(found).not.toEqual([]);
    expect(added).toBe(0);
    expect(anchors.kept.get(ACCOUNT)).toHaveLength(3);
  });

  test('what is personal can be shredded without breaking the chain (rules §12)', async () => {
    const shredded: Edit = (events) =>
      events.map((event) =>
        'personal' in event.event ? { ...event, event: { ...event.event, personal: { to: {} } as never } } : event,
      );
    expect(await findings(shredded)).toEqual([]);
  });

  test('a large log gets an anchor for every 1,000 entries', async () => {
    const many = new MemoryAnchors();
    const [account] = log;
    if (account === undefined) throw new Error('no log');
    const long: Edit = () =>
      Array.from({ length: 2_500 }, (_, revision) => ({
        ...account,
        revision,
        position: revision + 1,
        id: `e${revision}`,
      }));
    const store = new EditedStore(stage.store, long);
    expect((await new VerifyLedger(store, many).anchor(stage.clock)).added).toBe(3);
    expect(many.kept.get(ACCOUNT)?.map(({ entries }) => entries)).toEqual([1_000, 2_000, 2_500]);
    expect((await new VerifyLedger(store, many).run()).findings).toEqual([]);
    expect((await new VerifyLedger(store, many).anchor(stage.clock)).added).toBe(0);
  });

  test('of a log that is broken throughout, a thousand findings are told and the others counted', async () => {
    const [first] = log;
    if (first === undefined) throw new Error('no log');
    const broken: Edit = () =>
      Array.from({ length: 1_500 }, (_, index) => ({
        ...first,
        revision: 2 * index + 1,
        position: index + 1,
        id: `b${index}`,
      }));
    const { findings: listed, unlisted } = await new VerifyLedger(
      new EditedStore(stage.store, broken),
      new MemoryAnchors(),
    ).run();
    expect([listed.length, unlisted]).toEqual([1_000, 500]);
  });

  test('the evidence of a customer proves each of its entries, and shows nothing of others', async () => {
    const customer = new Course(stage, 'l-').customer(1);
    const { events, decisions, proof } = await new CollectEvidence(stage.store, anchors).run({
      account: ACCOUNT,
      customer,
    });
    expect(new Set(events.map(({ stream }) => stream))).toEqual(
      new Set([`account-${ACCOUNT}`, `customer-${ACCOUNT}.${customer}`]),
    );
    expect(decisions.map(({ differences }) => differences).flat()).toEqual([]);
    expect(proof.inclusions).toHaveLength(events.filter((event) => ledgerOf(event) !== undefined).length);
    for (const { id, segment, place } of proof.inclusions) {
      const event = events.find((other) => other.id === id);
      expect(event === undefined ? undefined : entryDigest(event)).toBe(proof.segments[segment]?.digests[place]);
    }
    for (const { anchor, start, end, digests } of proof.segments) {
      expect(digests.reduce(linked, start)).toBe(end);
      // What is not anchored yet ends where the chain does.
      const anchored = anchors.kept.get(ACCOUNT)?.[(anchor ?? 0) - 1]?.head;
      expect(anchored ?? end).toBe(end);
    }
    expect(JSON.stringify(proof)).not.toContain(new Course(stage, 'l-').customer(0));
  });

  test('no evidence is given of a log that does not fit its anchors', async () => {
    const store = new EditedStore(stage.store, without(entries[3]));
    const key = { account: ACCOUNT, customer: new Course(stage, 'l-').customer(1) };
    await expect(new CollectEvidence(store, anchors).run(key)).rejects.toMatchObject({ code: 'store-corrupt' });
  });

  test('accounts have ledgers of their own', async () => {
    const customer = 'other'.padEnd(26, '_');
    await stage.recorder().run([wrote(customer, 'x', stage.clock.at)]);
    await stage.dispatcher().run([intent(customer, 'x'), cancellation(customer, 'x')]);
    const { ledgers, events } = await verify((all) =>
      all.map((event) => (event.stream.endsWith(customer) ? { ...event, stream: `customer-b.${customer}` } : event)),
    ).run({ account: 'b' });
    expect(ledgers).toEqual([expect.objectContaining({ account: 'b', entries: 2, anchors: 0, unanchored: 2 })]);
    expect(events).toBeGreaterThan(2);
  });
});
