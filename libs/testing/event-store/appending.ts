import { randomUUID } from 'node:crypto';
import { MAX_APPEND_BYTES, NO_STREAM, type NewEvent } from '#application/ports/event-store';
import { encodeEvent } from '#contracts/events/codec';
import { messageReceived, newEvent, newMessage, newMessages } from '../events.js';
import { appendTo, freshAccount, freshStream, readStream, testIf, type Disruption, type Opened } from './harness.js';

const ids = (events: readonly { readonly id: string }[]): readonly string[] => events.map((event) => event.id);

/** An event that takes exactly so many bytes, by the count of `MAX_APPEND_BYTES`. */
const eventOfBytes = (bytes: number): NewEvent => {
  const sized = (text: string): NewEvent =>
    newEvent(messageReceived('large', text), '6b4d6a1e-7f6e-4d0e-9b57-0b2f3f0c9a11');
  const stored = encodeEvent(sized('').event, sized('').metadata);
  const rest = Buffer.byteLength(stored.data) + Buffer.byteLength(stored.metadata) + 2 * stored.type.length;
  return sized('x'.repeat(bytes - rest));
};

export const appendingContract = (opened: Opened, disruptions: readonly Disruption[]): void => {
  describe('appending', () => {
    test('stores events in order, with revisions from 0 without gaps', async () => {
      const { store } = opened();
      const stream = freshStream();
      const [first, ...rest] = newMessages(4);
      if (first === undefined) throw new Error('No events.');

      expect(await appendTo(store, stream, NO_STREAM, [first])).toEqual({ kind: 'appended', revision: 0 });
      expect(await appendTo(store, stream, 0, rest)).toEqual({ kind: 'appended', revision: 3 });

      const stored = await readStream(store, stream);
      const place = { position: expect.any(Number), recordedAt: expect.any(Number) };
      expect(stored).toEqual([first, ...rest].map((event, revision) => ({ ...event, stream, revision, ...place })));
      const positions = stored.map((event) => event.position);
      expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => a - b));
      // Servers have clocks of their own.
      for (const { recordedAt } of stored) expect(Math.abs(recordedAt - Date.now())).toBeLessThan(5 * 60_000);
    });

    test('refuses a stale revision and says the actual one', async () => {
      const { store } = opened();
      const stream = freshStream();
      await appendTo(store, stream, NO_STREAM, newMessages(3));

      const conflict = { kind: 'conflict', actualRevision: 2 };
      expect(await appendTo(store, stream, 1, [newMessage()])).toEqual(conflict);
      expect(await appendTo(store, stream, NO_STREAM, [newMessage()])).toEqual(conflict);
      expect(await readStream(store, stream)).toHaveLength(3);
    });

    test('refuses a revision ahead of the stream and says the actual one', async () => {
      const { store } = opened();
      const stream = freshStream();
      expect(await appendTo(store, stream, 0, [newMessage()])).toEqual({ kind: 'conflict', actualRevision: NO_STREAM });
      await appendTo(store, stream, NO_STREAM, [newMessage()]);
      expect(await appendTo(store, stream, 5, [newMessage()])).toEqual({ kind: 'conflict', actualRevision: 0 });
      expect(await readStream(store, stream)).toHaveLength(1);
    });

    test('takes an identical append again as the same, also after later ones and by another writer', async () => {
      const { store, other = store } = opened();
      const stream = freshStream();
      const first = newMessages(2);
      const second = newMessages(3);
      await appendTo(store, stream, NO_STREAM, first);
      expect(await appendTo(store, stream, NO_STREAM, first)).toEqual({ kind: 'appended', revision: 1 });
      await appendTo(store, stream, 1, second);

      expect(await appendTo(store, stream, NO_STREAM, first)).toEqual({ kind: 'appended', revision: 1 });
      expect(await appendTo(other, stream, NO_STREAM, first)).toEqual({ kind: 'appended', revision: 1 });
      expect(await appendTo(other, stream, 1, second)).toEqual({ kind: 'appended', revision: 4 });
      expect(ids(await readStream(store, stream))).toEqual(ids([...first, ...second]));
    });

    test('refuses stored events at another revision than theirs', async () => {
      const { store } = opened();
      const stream = freshStream();
      const [a, b, c] = newMessages(3) as readonly [NewEvent, NewEvent, NewEvent];
      await appendTo(store, stream, NO_STREAM, [a, b, c]);

      expect(await appendTo(store, stream, NO_STREAM, [b])).toEqual({ kind: 'conflict', actualRevision: 2 });
      expect(await appendTo(store, stream, 0, [a])).toEqual({ kind: 'conflict', actualRevision: 2 });
      expect(await appendTo(store, stream, 0, [c, b])).toEqual({ kind: 'conflict', actualRevision: 2 });
      expect(ids(await readStream(store, stream))).toEqual(ids([a, b, c]));
    });

    test('refuses an append of which only a part is stored', async () => {
      const { store } = opened();
      const stream = freshStream();
      const [a, b, c] = newMessages(3) as readonly [NewEvent, NewEvent, NewEvent];
      await appendTo(store, stream, NO_STREAM, [a, b]);

      expect(await appendTo(store, stream, NO_STREAM, [a, c])).toEqual({ kind: 'conflict', actualRevision: 1 });
      expect(await appendTo(store, stream, NO_STREAM, [a, b, c])).toEqual({ kind: 'conflict', actualRevision: 1 });
      expect(ids(await readStream(store, stream))).toEqual(ids([a, b]));
    });

    test('lets each stream of a call succeed or fail alone', async () => {
      const { store } = opened();
      const streams = Array.from({ length: 30 }, () => freshStream());
      const taken = streams.filter((_, index) => index % 3 === 0);
      await store.append(taken.map((stream) => ({ stream, expectedRevision: NO_STREAM, events: newMessages(2) })));

      const outcomes = await store.append(
        streams.map((stream) => ({ stream, expectedRevision: NO_STREAM, events: [newMessage()] })),
      );

      expect(outcomes).toEqual(
        streams.map((_, index) =>
          index % 3 === 0 ? { kind: 'conflict', actualRevision: 1 } : { kind: 'appended', revision: 0 },
        ),
      );
      const stored = await store.readStreams(streams.map((stream) => ({ stream, fromRevision: 0 })));
      expect(stored.map((events) => events.length)).toEqual(streams.map((_, index) => (index % 3 === 0 ? 2 : 1)));
    });

    test('takes thousands of streams in one call', async () => {
      const { store } = opened();
      const account = freshAccount();
      const appends = Array.from({ length: 2_000 }, () => ({
        stream: freshStream(account),
        expectedRevision: NO_STREAM,
        events: [newMessage()],
      }));

      const outcomes = await store.append(appends);
      expect(outcomes.find((outcome) => outcome.kind !== 'appended')).toBeUndefined();

      const stored = await store.readStreams(appends.map(({ stream }) => ({ stream, fromRevision: 0 })));
      expect(stored.map((events) => ids(events))).toEqual(appends.map(({ events }) => ids(events)));
    });

    test('lets exactly one of two racing appends win', async () => {
      const { store, other = store } = opened();
      const stream = freshStream();
      for (let revision = NO_STREAM; revision < 20; revision += 1) {
        const outcomes = await Promise.all([
          appendTo(store, stream, revision, [newMessage()]),
          appendTo(other, stream, revision, [newMessage()]),
        ]);
        expect(outcomes).toContainEqual({ kind: 'appended', revision: revision + 1 });
        expect(outcomes).toContainEqual({ kind: 'conflict', actualRevision: revision + 1 });
      }
      expect(await readStream(store, stream)).toHaveLength(21);
    });

    test('takes an append as large as allowed', async () => {
      const { store } = opened();
      const stream = freshStream();
      const large = { ...eventOfBytes(MAX_APPEND_BYTES), id: randomUUID() };
      expect(await appendTo(store, stream, NO_STREAM, [large])).toEqual({ kind: 'appended', revision: 0 });
      const [stored] = await readStream(store, stream);
      expect(stored?.event).toEqual(large.event);
    });

    test('refuses a larger one before anything of the call is stored', async () => {
      const { store } = opened();
      const streams = [freshStream(), freshStream()] as const;
      const half = eventOfBytes(MAX_APPEND_BYTES / 2);
      const tooLarge: readonly (readonly NewEvent[])[] = [
        [{ ...eventOfBytes(MAX_APPEND_BYTES + 1), id: randomUUID() }],
        [{ ...half, id: randomUUID() }, { ...half, id: randomUUID() }, newMessage()],
      ];
      for (const events of tooLarge) {
        const appended = store.append([
          { stream: streams[0], expectedRevision: NO_STREAM, events: [newMessage()] },
          { stream: streams[1], expectedRevision: NO_STREAM, events },
        ]);
        await expect(appended).rejects.toMatchObject({ name: 'InfrastructureError', code: 'event-too-large' });
      }
      expect(await store.readStreams(streams.map((stream) => ({ stream, fromRevision: 0 })))).toEqual([[], []]);
    });

    test('refuses what is not JSON before anything of the call is stored', async () => {
      const { store } = opened();
      const streams = [freshStream(), freshStream()] as const;
      // What untyped code could slip in.
      const unserialisable: NewEvent = Object.assign(newMessage(), {
        event: Object.assign(messageReceived('big'), { at: 1n }),
      });
      const appended = store.append([
        { stream: streams[0], expectedRevision: NO_STREAM, events: [newMessage()] },
        { stream: streams[1], expectedRevision: NO_STREAM, events: [unserialisable] },
      ]);
      await expect(appended).rejects.toMatchObject({ name: 'InfrastructureError', code: 'event-unserialisable' });
      expect(await store.readStreams(streams.map((stream) => ({ stream, fromRevision: 0 })))).toEqual([[], []]);
    });

    test.each([
      ['scripts and emoji', 'Grüße, 日本語, مرحبا, 👩‍👩‍👧‍👦🏳️‍🌈, e\u0301'],
      ['control characters', 'a\u0000b\u0001\u001f\u007f\u2028\u2029\ufeff'],
      ['half of a surrogate pair', 'cut off: \ud83d'],
      ['quotes and backslashes', String.raw`"'\ \u0041 \\ {"a":1}`],
    ])('gives back text as it was: %s', async (_, text) => {
      const { store } = opened();
      const stream = freshStream();
      const message = newMessage(text);
      await appendTo(store, stream, NO_STREAM, [message]);
      const [stored] = await readStream(store, stream);
      expect(stored?.event).toEqual(message.event);
    });

    testIf(disruptions.includes('lost-reply'))(
      'settles an append whose reply was lost when it is repeated',
      async () => {
        const { store, disrupt } = opened();
        const stream = freshStream();
        const events = newMessages(2);
        await appendTo(store, freshStream(), NO_STREAM, [newMessage()]);

        await disrupt?.('lost-reply');
        expect(await appendTo(store, stream, NO_STREAM, events)).toEqual({ kind: 'unknown', cause: expect.any(Error) });
        expect(await appendTo(store, stream, NO_STREAM, events)).toEqual({ kind: 'appended', revision: 1 });
        expect(ids(await readStream(store, stream))).toEqual(ids(events));
      },
    );
  });
};
