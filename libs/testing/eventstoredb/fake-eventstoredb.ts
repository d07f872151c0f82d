import { randomUUID } from 'node:crypto';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import type { Empty } from '@eventstore/db-client/generated/shared_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { append, batchAppend } from './append.js';
import { Log } from './log.js';
import { Misbehaviour } from './misbehaviour.js';
import { read, type ReadCall } from './read.js';

/**
 * An EventStoreDB node over real gRPC on a port of this machine, built from the service definitions of the client itself.
 * It keeps its log in memory, follows the server's documented semantics, and misbehaves on command.
 */
export class FakeEventStoreDb {
  readonly log = new Log();
  readonly misbehaviour = new Misbehaviour();
  readonly #batches = new Set<ServerDuplexStream<BatchAppendReq, BatchAppendResp>>();
  readonly #reads = new Set<ReadCall>();
  #server = new Server();
  #port = 0;

  get url(): string {
    return `esdb://127.0.0.1:${this.#port}?tls=false`;
  }

  /** As of a cluster, so that the client asks for the leader first. */
  get clusterUrl(): string {
    const node = `127.0.0.1:${this.#port}`;
    return `esdb://${node},${node}?tls=false&maxDiscoverAttempts=1&discoveryInterval=1`;
  }

  /** Calls for appends that are open now. */
  get appendStreams(): number {
    return this.#batches.size;
  }

  /** Calls for reads and subscriptions that are open now. */
  get openReads(): number {
    return this.#reads.size;
  }

  /** Listens, on the port of before if there was one. */
  async start(): Promise<void> {
    this.#server = new Server({ 'grpc.max_receive_message_length': 16 * 1024 * 1024 });
    this.#server.addService(featuresGrpc.ServerFeaturesService, {
      getSupportedMethods: (
        _call: ServerUnaryCall<Empty, SupportedMethods>,
        callback: sendUnaryData<SupportedMethods>,
      ) => {
        if (!this.misbehaviour.silent) callback(null, this.#supportedMethods());
      },
    });
    const unsupported = (): void => {
      throw new Error('Tidegate never deletes streams.');
    };
    this.#server.addService(gossipGrpc.GossipService, {
      read: (_call: ServerUnaryCall<Empty, ClusterInfo>, callback: sendUnaryData<ClusterInfo>) => {
        if (!this.misbehaviour.silent) callback(null, this.#cluster());
      },
    });
    this.#server.addService(streamsGrpc.StreamsService, {
      read: read(this.log, this.misbehaviour, this.#reads),
      append: append(this.log, this.misbehaviour),
      batchAppend: batchAppend(this.log, this.misbehaviour, this.#batches),
      delete: unsupported,
      tombstone: unsupported,
    });
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${this.#port}`, ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  }

  /** Cuts all connections and refuses new ones. */
  async stop(): Promise<void> {
    this.#server.forceShutdown();
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
  }

  /** Cuts all connections and accepts new ones at once; the log stays, caches do not. */
  async restart(): Promise<void> {
    await this.stop();
    this.log.forgetRecentIds();
    await this.start();
  }

  /** Ends the open streams of appends with an error; connections stay. */
  breakAppendStreams(code: number, details: string, metadata = new Metadata()): void {
    for (const call of this.#batches) call.emit('error', { code, details, metadata });
  }

  /** Ends the open streams of appends as a node does that may not write, and names the leader. */
  pointAppendsTo(leader: FakeEventStoreDb): void {
    const metadata = new Metadata();
    metadata.set('exception', 'not-leader');
    metadata.set('leader-endpoint-host', '127.0.0.1');
    metadata.set('leader-endpoint-port', String(leader.#port));
    this.breakAppendStreams(5, 'Leader info available', metadata);
  }

  /** Ends the open streams of appends politely. */
  endAppendStreams(): void {
    for (const call of this.#batches) call.end();
  }

  /** Ends the open reads and subscriptions politely. */
  endReads(): void {
    for (const call of this.#reads) call.end();
  }

  /** An event that Tidegate did not write. */
  appendForeign(stream: string, type: string, data: string, metadata = '', contentType = 'application/json'): void {
    const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
    this.log.append(stream, 'any', [
      { id: randomUUID(), type, contentType, data: bytes(data), metadata: bytes(metadata) },
    ]);
  }

  #cluster(): ClusterInfo {
    const endPoint = new gossip.EndPoint().setAddress('127.0.0.1').setPort(this.#port);
    const leader = new gossip.MemberInfo()
      .setInstanceId(new shared.UUID().setString(randomUUID()))
      .setState(gossip.MemberInfo.VNodeState.LEADER)
      .setIsAlive(true)
      .setHttpEndPoint(endPoint);
    return new gossip.ClusterInfo().setMembersList([leader]);
  }

  #supportedMethods(): SupportedMethods {
    const methods = Object.values(streamsGrpc.StreamsService).map(({ path }) => {
      const [, service = '', method = ''] = path.split('/');
      return new features.SupportedMethod().setServiceName(service.toLowerCase()).setMethodName(method.toLowerCase());
    });
    return new features.SupportedMethods()
      .setEventStoreServerVersion(this.misbehaviour.serverVersion)
      .setMethodsList(methods);
  }
}

export const startFakeEventStoreDb = async (): Promise<FakeEventStoreDb> => {
  const server = new FakeEventStoreDb();
  await server.start();
  return server;
};
