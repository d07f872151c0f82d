import { setTimeout as delay } from 'node:timers/promises';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { Log, LoggedEvent } from './log.js';
import type { Misbehaviour } from './misbehaviour.js';

/** Considered events per page of a filtered read, and between checkpoints times the client's multiplier. */
const SEARCH_WINDOW = 32;
const TICKS_PER_MS = 10_000n;

type Accepts = (event: LoggedEvent) => boolean;

const eventResponse = (event: LoggedEvent): ReadResp => {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(event.id))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream)))
    .setStreamRevision(String(event.revision))
    .setCommitPosition(String(event.position))
    .setPreparePosition(String(event.position))
    .setData(event.data)
    .setCustomMetadata(event.metadata);
  recorded
    .getMetadataMap()
    .set('type', event.type)
    .set('content-type', event.contentType)
    .set('created', String(BigInt(event.createdMs) * TICKS_PER_MS));
  const read = new streams.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(String(event.position));
  return new streams.ReadResp().setEvent(read);
};

const checkpointResponse = (position: number): ReadResp =>
  new streams.ReadResp().setCheckpoint(
    new streams.ReadResp.Checkpoint().setCommitPosition(String(position)).setPreparePosition(String(position)),
  );

const filterOf = (options: ReadReq.Options): Accepts => {
  const filter = options.getFilter();
  if (filter === undefined) return () => true;
  const expression = filter.getStreamIdentifier() ?? filter.getEventType();
  const subject: (event: LoggedEvent) => string = filter.hasEventType() ? ({ type }) => type : ({ stream }) => stream;
  const regex = expression?.getRegex() ?? '';
  if (regex !== '') return (event) => new RegExp(regex, 'u').test(subject(event));
  const prefixes = expression?.getPrefixList() ?? [];
  return (event) => prefixes.some((prefix) => subject(event).startsWith(prefix));
};

/** The open call of one read or subscription: writes at the pace of the client. */
class Reply {
  #wake = (): void => {};

  constructor(
    private readonly call: ReadCall,
    private readonly log: Log,
    private readonly misbehaviour: Misbehaviour,
  ) {
    const ended = (): void => this.#wake();
    call.on('cancelled', ended).on('close', ended).on('error', ended);
  }

  get isOpen(): boolean {
    return !this.call.cancelled && !this.call.destroyed && this.call.writable;
  }

  async send(response: ReadResp): Promise<void> {
    await this.#spoken();
    if (!this.isOpen) return;
    if (response.hasEvent()) {
      this.misbehaviour.eventsSent += 1;
      this.misbehaviour.sendsEvents -= 1;
    }
    if (this.call.write(response)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.call.once('drain', resolve);
    });
  }

  /** Resolves after the next append, or when the call has ended. */
  async appended(): Promise<void> {
    let unwatch = (): unknown => undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      unwatch = this.log.watch(resolve);
    });
    unwatch();
  }

  fail(code: number, details: string, metadata = new Metadata()): void {
    this.call.emit('error', { code, details, metadata });
  }

  async end(): Promise<void> {
    await this.#spoken();
    if (this.isOpen) this.call.end();
  }

  /** Resolves when the server is not, or no longer, mute. */
  async #spoken(): Promise<void> {
    const { misbehaviour } = this;
    while (this.isOpen && (misbehaviour.silent || misbehaviour.sendsEvents <= 0)) await delay(10);
  }
}

const isBackwards = (options: ReadReq.Options): boolean =>
  options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;

const sendPage = async (reply: Reply, events: readonly LoggedEvent[], options: ReadReq.Options): Promise<void> => {
  const ordered = isBackwards(options) ? events.toReversed() : events;
  for (const event of ordered.slice(0, Number(options.getCount()))) await reply.send(eventResponse(event));
  await reply.end();
};

const readStream = async (reply: Reply, log: Log, options: ReadReq.Options): Promise<void> => {
  const chosen = options.getStream();
  const identifier = chosen?.getStreamIdentifier();
  const stream = Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
  const events = log.stream(stream);
  if (log.isDeleted(stream)) {
    const metadata = new Metadata();
    metadata.set('exception', 'stream-deleted');
    metadata.set('stream-name', stream);
    reply.fail(9, `Event stream '${stream}' is deleted.`, metadata);
  } else if (events.length === 0) {
    const missing = new streams.ReadResp.StreamNotFound().setStreamIdentifier(identifier);
    await reply.send(new streams.ReadResp().setStreamNotFound(missing));
    await reply.end();
  } else {
    const end = isBackwards(options) ? Infinity : 0;
    const from = chosen?.hasRevision() === true ? Number(chosen.getRevision()) : end;
    await sendPage(reply, isBackwards(options) ? events.slice(0, from + 1) : events.slice(from), options);
  }
};

/** Position in the log to begin at; -1: from the first event, Infinity: behind the last. */
const allStart = (options: ReadReq.Options): number => {
  const all = options.getAll();
  if (all?.hasEnd() === true) return Infinity;
  return all?.hasPosition() === true ? Number(all.getPosition()?.getCommitPosition()) : -1;
};

const readAll = async (reply: Reply, log: Log, options: ReadReq.Options): Promise<void> => {
  const from = allStart(options);
  const accepts = filterOf(options);
  const isIn: Accepts = isBackwards(options) ? ({ position }) => position < from : ({ position }) => position >= from;
  await sendPage(
    reply,
    log.events.filter((event) => isIn(event) && accepts(event)),
    options,
  );
};

/** History and then live; a position is exclusive. */
const subscribe = async (
  reply: Reply,
  log: Log,
  misbehaviour: Misbehaviour,
  options: ReadReq.Options,
): Promise<void> => {
  const accepts = filterOf(options);
  const checkpointEvery = SEARCH_WINDOW * (options.getFilter()?.getCheckpointintervalmultiplier() ?? Infinity);
  const after = allStart(options);
  const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId('subscription');
  await reply.send(new streams.ReadResp().setConfirmation(confirmation));
  const first = log.events.findIndex((event) => event.position > after);
  let next = first === -1 ? log.events.length : first;
  let considered = 0;
  let isLive = false;
  while (reply.isOpen) {
    const event = log.events[next];
    if (event === undefined) {
      if (!isLive && misbehaviour.announcesCaughtUp)
        await reply.send(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
      isLive = true;
      if (log.events.length === next) await reply.appended();
    } else if (isLive && misbehaviour.nextFallsBehind) {
      misbehaviour.nextFallsBehind = false;
      isLive = false;
      await reply.send(new streams.ReadResp().setFellBehind(new streams.ReadResp.FellBehind()));
    } else if (isLive && misbehaviour.nextCheckpointSkipsAnEvent && accepts(event)) {
      misbehaviour.nextCheckpointSkipsAnEvent = false;
      await reply.send(checkpointResponse(event.position));
      reply.fail(14, 'The server goes away.');
    } else {
      next += 1;
      considered += 1;
      if (accepts(event)) await reply.send(eventResponse(event));
      if (considered % checkpointEvery === 0) await reply.send(checkpointResponse(event.position));
    }
  }
};

export type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

export const read =
  (log: Log, misbehaviour: Misbehaviour, open: Set<ReadCall>) =>
  (call: ReadCall): void => {
    open.add(call);
    call.once('close', () => open.delete(call));
    const options = call.request.getOptions();
    if (options === undefined) return void call.emit('error', { code: 3, details: 'Options are missing.' });
    misbehaviour.mostAsked = Math.max(misbehaviour.mostAsked, Number(options.getCount()));
    const reply = new Reply(call, log, misbehaviour);
    if (options.hasSubscription()) void subscribe(reply, log, misbehaviour, options);
    else if (options.hasStream()) void readStream(reply, log, options);
    else void readAll(reply, log, options);
  };
