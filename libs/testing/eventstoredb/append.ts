import type { ServerDuplexStream, ServerReadableStream, sendUnaryData } from '@grpc/grpc-js';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { UUID } from '@eventstore/db-client/generated/shared_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import type {
  AppendReq,
  AppendResp,
  BatchAppendReq,
  BatchAppendResp,
} from '@eventstore/db-client/generated/streams_pb.js';
import { NOTHING, type AppendResult, type ExpectedRevision, type Log, type ProposedEvent } from './log.js';
import type { Misbehaviour } from './misbehaviour.js';

/** `MaxAppendSize` of servers up to 25.0. */
const MAX_APPEND_SIZE = 1024 * 1024;

type Refusal = { readonly kind: 'too-large' } | { readonly kind: 'timeout' } | { readonly kind: 'not-ready' };

/** Size as the server counts it (`Event.SizeOnDisk`). */
const sizeOf = ({ data, metadata, type }: ProposedEvent): number => data.length + metadata.length + 2 * type.length;

type ProposedMessage = BatchAppendReq.ProposedMessage | AppendReq.ProposedMessage;

const proposed = (message: ProposedMessage): ProposedEvent => ({
  id: message.getId()?.getString() ?? '',
  type: message.getMetadataMap().get('type') ?? '',
  contentType: message.getMetadataMap().get('content-type') ?? '',
  data: message.getData_asU8(),
  metadata: message.getCustomMetadata_asU8(),
});

interface Pending {
  readonly correlationId: UUID | undefined;
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly expired: boolean;
  readonly events: ProposedEvent[];
}

const streamName = (identifier: { getStreamName_asU8(): Uint8Array } | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

/** Stores and answers, unless the misbehaviour has other plans. */
const handle = (
  log: Log,
  misbehaviour: Misbehaviour,
  append: Omit<Pending, 'correlationId'>,
  reply: (result: AppendResult | Refusal) => void,
): void => {
  const fate = misbehaviour.nextAppends.shift();
  misbehaviour.unanswered += 1;
  misbehaviour.mostUnanswered = Math.max(misbehaviour.mostUnanswered, misbehaviour.unanswered);
  const answer = (result: AppendResult | Refusal): void => {
    misbehaviour.unanswered -= 1;
    reply(result);
  };
  if (misbehaviour.silent || fate?.kind === 'lose-request') return;
  if (fate?.kind === 'not-ready') return answer(fate);
  if (append.expired) return answer({ kind: 'timeout' });
  const size = append.events.reduce((sum, event) => sum + sizeOf(event), 0);
  if (size > MAX_APPEND_SIZE) return answer({ kind: 'too-large' });
  const result = log.append(append.stream, append.expected, append.events);
  if (fate?.kind === 'lose-reply') return;
  const delay = fate?.kind === 'delay-reply' ? fate.ms : misbehaviour.appendLatencyMs;
  if (delay > 0) return void setTimeout(answer, delay, result);
  answer(result);
  if (fate?.kind === 'reply-twice') reply(result);
};

const batchStatus = (result: Exclude<AppendResult | Refusal, { kind: 'stored' }>, pending: Pending): Status => {
  const status = new statusPb.Status();
  const details = new anyPb.Any();
  const pack = (message: { serializeBinary(): Uint8Array }, type: string): void =>
    details.pack(message.serializeBinary(), `event_store.client.${type}`);
  switch (result.kind) {
    case 'wrong-expected-version': {
      const wrong = new shared.WrongExpectedVersion();
      if (result.current === NOTHING) wrong.setCurrentNoStream(new emptyPb.Empty());
      else wrong.setCurrentStreamRevision(String(result.current));
      if (typeof pending.expected === 'string') wrong.setExpectedAny(new emptyPb.Empty());
      else if (pending.expected === NOTHING) wrong.setExpectedNoStream(new emptyPb.Empty());
      else wrong.setExpectedStreamPosition(String(pending.expected));
      pack(wrong, 'WrongExpectedVersion');
      break;
    }
    case 'deleted':
      pack(new shared.StreamDeleted(), 'StreamDeleted');
      break;
    case 'timeout':
      pack(new shared.Timeout(), 'Timeout');
      break;
    case 'too-large': {
      const exceeded = new shared.MaximumAppendSizeExceeded();
      exceeded.setMaxappendsize(MAX_APPEND_SIZE);
      pack(exceeded, 'MaximumAppendSizeExceeded');
      break;
    }
    case 'not-ready':
      status.setMessage('Server Is Not Ready');
      details.pack(new emptyPb.Empty().serializeBinary(), 'google.protobuf.Empty');
  }
  return status.setDetails(details);
};

const batchReply = (result: AppendResult | Refusal, pending: Pending): BatchAppendResp => {
  const identifier = new shared.StreamIdentifier().setStreamName(Buffer.from(pending.stream));
  const response = new streams.BatchAppendResp()
    .setCorrelationId(pending.correlationId)
    .setStreamIdentifier(identifier);
  if (result.kind !== 'stored') return response.setError(batchStatus(result, pending));
  const position = new shared.AllStreamPosition();
  position.setCommitPosition(String(result.position)).setPreparePosition(String(result.position));
  return response.setSuccess(
    new streams.BatchAppendResp.Success().setCurrentRevision(String(result.revision)).setPosition(position),
  );
};

const expectedBy = (options: BatchAppendReq.Options): ExpectedRevision => {
  if (options.hasAny()) return 'any';
  if (options.hasStreamExists()) return 'stream-exists';
  return options.hasNoStream() ? NOTHING : Number(options.getStreamPosition());
};

/** One long call for many appends; each may come in several pieces. */
export const batchAppend =
  (log: Log, misbehaviour: Misbehaviour, open: Set<ServerDuplexStream<BatchAppendReq, BatchAppendResp>>) =>
  (call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>): void => {
    const pendings = new Map<string, Pending>();
    open.add(call);
    call.on('close', () => open.delete(call));
    call.on('error', () => open.delete(call));
    call.on('end', () => call.end());
    call.on('data', (request: BatchAppendReq) => {
      const correlationId = request.getCorrelationId();
      const id = correlationId?.getString() ?? '';
      const options = request.getOptions();
      if (options !== undefined) {
        const deadline = options.getDeadline()?.toDate().getTime() ?? Infinity;
        pendings.set(id, {
          correlationId,
          stream: streamName(options.getStreamIdentifier()),
          expected: expectedBy(options),
          expired: deadline <= Date.now() + misbehaviour.clockAheadMs,
          events: [],
        });
      }
      const pending = pendings.get(id);
      if (pending === undefined) return;
      pending.events.push(...request.getProposedMessagesList().map(proposed));
      if (!request.getIsFinal()) return;
      pendings.delete(id);
      misbehaviour.batchAppends += 1;
      handle(log, misbehaviour, pending, (result) => {
        if (!call.cancelled && call.writable) call.write(batchReply(result, pending));
      });
    });
  };

/** One call for one append: what the client falls back to when credentials are given per call (engineering §2.3 f). */
export const append =
  (log: Log, misbehaviour: Misbehaviour) =>
  (call: ServerReadableStream<AppendReq, AppendResp>, callback: sendUnaryData<AppendResp>): void => {
    let options: AppendReq.Options | undefined;
    const events: ProposedEvent[] = [];
    call.on('data', (request: AppendReq) => {
      options = request.getOptions() ?? options;
      const message = request.getProposedMessage();
      if (message !== undefined) events.push(proposed(message));
    });
    call.on('end', () => {
      if (options === undefined) return callback({ code: 3, details: 'Options are missing.' });
      let expected: ExpectedRevision = Number(options.getRevision());
      if (options.hasAny()) expected = 'any';
      if (options.hasStreamExists()) expected = 'stream-exists';
      if (options.hasNoStream()) expected = NOTHING;
      const stream = streamName(options.getStreamIdentifier());
      misbehaviour.singleAppends += 1;
      handle(log, misbehaviour, { stream, expected, expired: false, events }, (result) => {
        const response = new streams.AppendResp();
        if (result.kind === 'stored') {
          response.setSuccess(new streams.AppendResp.Success().setCurrentRevision(String(result.revision)));
        } else if (result.kind === 'wrong-expected-version') {
          const wrong = new streams.AppendResp.WrongExpectedVersion();
          if (result.current === NOTHING) wrong.setCurrentNoStream(new shared.Empty());
          else wrong.setCurrentRevision(String(result.current));
          response.setWrongExpectedVersion(wrong);
        } else {
          return callback({ code: 14, details: result.kind });
        }
        callback(null, response);
      });
    });
  };
