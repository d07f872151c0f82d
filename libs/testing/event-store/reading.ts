import { NO_STREAM } from '#application/ports/event-store';
import { newMessages } from '../events.js';
import { appendTo, freshStream, readStream, type Opened } from './harness.js';

export const readingContract = (opened: Opened): void => {
  describe('reading', () => {
    test('finds nothing in a stream that does not exist', async () => {
      expect(await readStream(opened().store, freshStream())).toEqual([]);
      expect(await readStream(opened().store, freshStream(), 3)).toEqual([]);
    });

    test('reads nothing when nothing is asked for', async () => {
      expect(await opened().store.readStreams([])).toEqual([]);
    });

    test('reads from a revision on', async () => {
      const { store } = opened();
      const stream = freshStream();
      await appendTo(store, stream, NO_STREAM, newMessages(5));
      const all = await readStream(store, stream);
      expect(await readStream(store, stream, 3)).toEqual(all.slice(3));
      expect(await readStream(store, stream, 4)).toEqual(all.slice(4));
      expect(await readStream(store, stream, 5)).toEqual([]);
      expect(await readStream(store, stream, 99)).toEqual([]);
    });

    test('reads so many at most, of each stream as many as it is asked for', async () => {
      const { store } = opened();
      const [a, b] = [freshStream(), freshStream()];
      await appendTo(store, a, NO_STREAM, newMessages(700));
      await appendTo(store, b, NO_STREAM, newMessages(3));
      const answers = await store.readStreams([
        { stream: a, fromRevision: 2, atMost: 1 },
        { stream: b, fromRevision: 0 },
        { stream: a, fromRevision: 0, atMost: 650 },
        { stream: b, fromRevision: 1, atMost: 9 },
        { stream: b, fromRevision: 3, atMost: 1 },
      ]);
      const span = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
      expect(answers.map((events) => events.map(({ revision }) => revision))).toEqual([
        [2],
        [0, 1, 2],
        span(0, 650),
        [1, 2],
        [],
      ]);
    });

    test('answers in the order of the requests, each from its own revision', async () => {
      const { store } = opened();
      const [a, b, missing] = [freshStream(), freshStream(), freshStream()];
      await appendTo(store, a, NO_STREAM, newMessages(3));
      await appendTo(store, b, NO_STREAM, newMessages(2));

      const answers = await store.readStreams([
        { stream: b, fromRevision: 1 },
        { stream: missing, fromRevision: 0 },
        { stream: a, fromRevision: 1 },
        { stream: b, fromRevision: 0 },
      ]);
      expect(answers.map((events) => events.map((event) => `${event.stream}@${event.revision}`))).toEqual([
        [`${b}@1`],
        [],
        [`${a}@1`, `${a}@2`],
        [`${b}@0`, `${b}@1`],
      ]);
    });

    test('reads long streams whole', async () => {
      const { store } = opened();
      const stream = freshStream();
      const events = newMessages(1_500);
      await appendTo(store, stream, NO_STREAM, events.slice(0, 700));
      await appendTo(store, stream, 699, events.slice(700));
      const stored = await readStream(store, stream);
      expect(stored.map((event) => event.id)).toEqual(events.map((event) => event.id));
      expect(stored.map((event) => event.revision)).toEqual(events.map((_, revision) => revision));
    });
  });
};
