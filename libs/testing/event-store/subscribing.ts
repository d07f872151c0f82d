import { NO_STREAM, type EventBatch, type RecordedEvent } from '#application/ports/event-store';
import { accountStream, mauStream, templateStream } from '#application/streams';
import { accountRegistered, monthClosed, newEvent, newMessage, newMessages, templateApproved } from '../events.js';
import { Follower } from './follower.js';
import {
  appendTo,
  freshAccount,
  freshStream,
  markPosition,
  readStream,
  testIf,
  type Disruption,
  type Opened,
} from './harness.js';

const ids = (events: readonly { readonly id: string }[]): readonly string[] => events.map((event) => event.id);
const ascends = (events: readonly RecordedEvent[]): boolean =>
  events.every((event, index) => event.position > (events[index - 1]?.position ?? -1));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const subscribingContract = (opened: Opened, disruptions: readonly Disruption[]): void => {
  describe('subscribing', () => {
    const following: Follower[] = [];
    const follow = (...args: ConstructorParameters<typeof Follower>): Follower => {
      const follower = new Follower(...args);
      following.push(follower);
      return follower;
    };
    afterEach(async () => {
      await Promise.all(following.splice(0).map((follower) => follower.stop()));
    });

    test('hands out history in the order of the log, says when it has caught up, and goes on live', async () => {
      const { store } = opened();
      const account = freshAccount();
      const after = await markPosition(store, newMessage());
      const [a, b] = [freshStream(account), freshStream(account)];
      const history = newMessages(4);
      await appendTo(store, a, NO_STREAM, history.slice(0, 2));
      await appendTo(store, b, NO_STREAM, history.slice(2, 3));
      await appendTo(store, a, 1, history.slice(3));

      const follower = follow(store, { after });
      await follower.until(({ caughtUp }) => caughtUp);
      const own = (): readonly RecordedEvent[] => follower.events.filter((event) => event.stream.includes(account));
      expect(ids(own())).toEqual(ids(history));
      expect(ascends(follower.events)).toBe(true);

      const live = newMessage();
      await appendTo(store, b, 0, [live]);
      await follower.until(() => own().length === 5);
      expect(ids(own())).toEqual(ids([...history, live]));
    });

    test('hands out events as a read of their stream shows them', async () => {
      const { store } = opened();
      const stream = freshStream();
      const after = await markPosition(store, newMessage());
      await appendTo(store, stream, NO_STREAM, newMessages(3));

      const follower = follow(store, { after });
      const own = (): readonly RecordedEvent[] => follower.events.filter((event) => event.stream === stream);
      await follower.until(() => own().length === 3);
      expect(own()).toEqual(await readStream(store, stream));
    });

    test('counts the gap between a position and the end of the log, by category and up to a limit', async () => {
      const { store } = opened();
      const account = freshAccount();
      const after = await markPosition(store, newMessage());
      expect(await store.gap(after, ['mau'], 100)).toBe(0);
      await appendTo(
        store,
        mauStream(account, '2026-11'),
        NO_STREAM,
        ['2026-08', '2026-09', '2026-10'].map((month) => newEvent(monthClosed(month))),
      );
      await appendTo(store, freshStream(account), NO_STREAM, newMessages(2));
      expect(await store.gap(after, ['mau'], 100)).toBe(3);
      expect(await store.gap(after, ['mau', 'customer'], 100)).toBeGreaterThanOrEqual(5);
      expect(await store.gap(after, ['mau', 'customer'], 4)).toBe(4);
    });

    test('starts at the beginning of the log when no position is given', async () => {
      const { store } = opened();
      const message = newMessage();
      await appendTo(store, freshStream(), NO_STREAM, [message]);
      const first = follow(store, { batchSize: 1_000 });
      await first.until(({ events }) => ids(events).includes(message.id));
      expect(ascends(first.events)).toBe(true);
    });

    test('resumes behind the given position, within an append too', async () => {
      const { store } = opened();
      const stream = freshStream();
      await appendTo(store, stream, NO_STREAM, newMessages(6));
      const stored = await readStream(store, stream);

      for (const at of [0, 2, 4]) {
        const follower = follow(store, { after: stored[at]?.position });
        const own = (): readonly RecordedEvent[] => follower.events.filter((event) => event.stream === stream);
        await follower.until(() => own().length >= 5 - at);
        expect(own()).toEqual(stored.slice(at + 1));
      }
    });

    test('hands out events as large as allowed, and says that it has caught up after all of them', async () => {
      const { store } = opened();
      const stream = freshStream();
      const after = await markPosition(store, newMessage());
      const events = Array.from({ length: 12 }, () => newMessage('x'.repeat(990_000)));
      for (const [index, event] of events.entries()) await appendTo(store, stream, index - 1, [event]);
      const follower = follow(store, { after, batchSize: 500 });
      await follower.until(({ caughtUp }) => caughtUp);
      const seen = follower.batches.slice(0, follower.batches.findIndex(({ caughtUp }) => caughtUp) + 1);
      const own = seen.flatMap((batch) => batch.events).filter((event) => event.stream === stream);
      expect(ids(own)).toEqual(ids(events));
    });

    test('says that it has caught up only after the last event, however slow the consumer', async () => {
      const { store } = opened();
      const stream = freshStream();
      const after = await markPosition(store, newMessage());
      const events = newMessages(50);
      await appendTo(store, stream, NO_STREAM, events);

      const follower = follow(store, { after, batchSize: 10 }, () => pause(20));
      await follower.until(({ caughtUp }) => caughtUp);
      const seen = follower.batches.slice(0, follower.batches.findIndex(({ caughtUp }) => caughtUp) + 1);
      const own = seen.flatMap((batch) => batch.events).filter((event) => event.stream === stream);
      expect(ids(own)).toEqual(ids(events));
    });

    test('says at once that it has caught up when there is nothing new', async () => {
      const { store } = opened();
      const follower = follow(store, { after: await markPosition(store, newMessage()) });
      await follower.until(({ caughtUp }) => caughtUp);
    });

    test('hands out only the categories asked for', async () => {
      const { store } = opened();
      const account = freshAccount();
      const after = await markPosition(store, newMessage());
      await appendTo(store, accountStream(account), NO_STREAM, [newEvent(accountRegistered())]);
      await appendTo(store, freshStream(account), NO_STREAM, [newMessage()]);
      await appendTo(store, templateStream(account, 'welcome.back', 'en_US'), NO_STREAM, [
        newEvent(templateApproved()),
      ]);
      await appendTo(store, mauStream(account, '2026-05'), NO_STREAM, [newEvent(monthClosed('2026-05'))]);
      await appendTo(store, freshStream(account), NO_STREAM, [newMessage()]);

      const types = async (
        categories: ('customer' | 'template' | 'account' | 'mau')[],
        count: number,
      ): Promise<string[]> => {
        const follower = follow(store, { after, categories });
        const own = (): readonly RecordedEvent[] => follower.events.filter((event) => event.stream.includes(account));
        await follower.until(({ caughtUp }) => caughtUp && own().length >= count);
        return own().map((event) => event.event.type);
      };
      expect(await types(['customer'], 2)).toEqual(['CustomerMessageReceived', 'CustomerMessageReceived']);
      expect(await types(['template'], 1)).toEqual(['TemplateApproved']);
      expect(await types(['account', 'mau'], 2)).toEqual(['AccountRegistered', 'MonthClosed']);
    });

    test('keeps to the size of a batch', async () => {
      const { store } = opened();
      const after = await markPosition(store, newMessage());
      await appendTo(store, freshStream(), NO_STREAM, newMessages(250));
      const follower = follow(store, { after, batchSize: 20 });
      await follower.until(({ events }) => events.length >= 250);
      expect(Math.max(...follower.batches.map((batch) => batch.events.length))).toBeLessThanOrEqual(20);
    });

    test('skips nothing of two writers', async () => {
      const { store, other = store } = opened();
      const account = freshAccount();
      const follower = follow(store, { after: await markPosition(store, newMessage()) });
      const write = async (writer: typeof store): Promise<readonly string[]> => {
        const written: string[] = [];
        for (let round = 0; round < 15; round += 1) {
          const appends = Array.from({ length: 20 }, () => ({
            stream: freshStream(account),
            expectedRevision: NO_STREAM,
            events: newMessages(2),
          }));
          await writer.append(appends);
          written.push(...appends.flatMap((append) => ids(append.events)));
        }
        return written;
      };
      const written = (await Promise.all([write(store), write(other)])).flat();

      const own = (): readonly RecordedEvent[] => follower.events.filter((event) => event.stream.includes(account));
      await follower.until(() => own().length >= written.length);
      expect(ids(own()).toSorted()).toEqual(written.toSorted());
      expect(ascends(follower.events)).toBe(true);
    });

    test('waits for a slow consumer and loses nothing', async () => {
      const { store } = opened();
      const stream = freshStream();
      const after = await markPosition(store, newMessage());
      const events = newMessages(1_000);
      const follower = follow(store, { after, batchSize: 50 }, () => pause(5));
      for (let at = 0; at < events.length; at += 100) await appendTo(store, stream, at - 1, events.slice(at, at + 100));

      const own = (): readonly RecordedEvent[] => follower.events.filter((event) => event.stream === stream);
      await follower.until(() => own().length >= events.length);
      expect(ids(own())).toEqual(ids(events));
    });

    test('serves several subscriptions, each at its own pace', async () => {
      const { store } = opened();
      const stream = freshStream();
      const after = await markPosition(store, newMessage());
      const slow = follow(store, { after, batchSize: 5 }, () => pause(10));
      const fast = follow(store, { after });
      const events = newMessages(60);
      await appendTo(store, stream, NO_STREAM, events);
      for (const follower of [fast, slow]) {
        const own = (): readonly RecordedEvent[] => follower.events.filter((event) => event.stream === stream);
        await follower.until(() => own().length >= 60);
        expect(ids(own())).toEqual(ids(events));
      }
    });

    test('ends normally and promptly when the signal aborts', async () => {
      const { store } = opened();
      const follower = follow(store, { after: await markPosition(store, newMessage()) });
      await follower.until(({ caughtUp }) => caughtUp);
      const from = Date.now();
      await follower.stop();
      expect(Date.now() - from).toBeLessThan(2_000);
      const { length } = follower.events;
      await appendTo(store, freshStream(), NO_STREAM, [newMessage()]);
      expect(follower.events).toHaveLength(length);
    });

    test('hands out nothing when the signal was aborted before', async () => {
      const { store } = opened();
      const batches: EventBatch[] = [];
      const subscription = store.subscribe({
        name: 'aborted',
        after: undefined,
        categories: ['customer'],
        batchSize: 10,
        signal: AbortSignal.abort(),
      });
      for await (const batch of subscription) batches.push(batch);
      expect(batches).toEqual([]);
    });

    test('lets the consumer leave in the middle', async () => {
      const { store } = opened();
      const after = await markPosition(store, newMessage());
      await appendTo(store, freshStream(), NO_STREAM, newMessages(30));
      const subscription = store.subscribe({
        name: 'left',
        after,
        categories: ['customer'],
        batchSize: 10,
        signal: new AbortController().signal,
      });
      let seen = 0;
      for await (const { events } of subscription) {
        seen += events.length;
        if (seen > 0) break;
      }
      expect(seen).toBeGreaterThan(0);
      await expect(store.ping()).resolves.toBeUndefined();
    });

    testIf(disruptions.includes('cut-connections'))('goes on after a cut, each event once and in order', async () => {
      const { store, disrupt } = opened();
      const account = freshAccount();
      const follower = follow(store, { after: await markPosition(store, newMessage()), batchSize: 20 });
      const written: string[] = [];
      for (let round = 0; round < 4; round += 1) {
        const stream = freshStream(account);
        const events = newMessages(40);
        // An append may meet the cut itself; the same append again settles it.
        const appended = async (): Promise<boolean> =>
          (await appendTo(store, stream, NO_STREAM, events))?.kind === 'appended';
        for (let attempt = 0; !(await appended()); attempt += 1) {
          if (attempt === 20) throw new Error('The store did not come back.');
          await pause(100);
        }
        written.push(...ids(events));
        await disrupt?.('cut-connections');
      }
      const own = (): readonly RecordedEvent[] => follower.events.filter((event) => event.stream.includes(account));
      await follower.until(() => own().length >= written.length);
      expect(ids(own())).toEqual(written);
      await follower.until(() => follower.batches.at(-1)?.caughtUp === true);
    });
  });
};
