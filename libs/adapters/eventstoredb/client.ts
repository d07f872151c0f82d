import type { Duplex } from 'node:stream';
import { EventStoreDBClient } from '@eventstore/db-client';
import { InfrastructureError } from '#application/errors';

// What the pinned client 6.2.1 does not do for us. Its members used by name here are protected in its typings.

interface Channel {
  close(): void;
}

const channels = new WeakMap<EventStoreDBClient, Channel>();

/** @throws InfrastructureError `config-invalid` */
export const openClient = (url: string): EventStoreDBClient => {
  // It would report wrong actual revisions (engineering §2.3 e).
  if (/[?&]throwOnAppendFailure=false/i.test(url)) {
    throw new InfrastructureError('config-invalid', 'Remove throwOnAppendFailure from the URL of the event store.');
  }
  const client = connect(url);
  const getChannel = member(client, 'getChannel');
  Reflect.set(client, 'getChannel', async (): Promise<Channel> => {
    const channel: Channel = await getChannel();
    channels.set(client, channel);
    return channel;
  });
  return client;
};

const connect = (url: string): EventStoreDBClient => {
  try {
    return EventStoreDBClient.connectionString(url);
  } catch {
    // The client's own error quotes the URL, which may hold a password.
    throw new InfrastructureError(
      'config-invalid',
      'The URL of the event store cannot be read; expected esdb://user:password@host:2113?tls=true or esdb+discover://…',
    );
  }
};

const member = (client: EventStoreDBClient, name: string): Function => {
  const found: unknown = Reflect.get(client, name);
  if (typeof found !== 'function') throw new TypeError(`@eventstore/db-client 6.2.1 has ${name}; this one has not.`);
  return found;
};

/** Ends all calls and closes the connection, which `dispose` alone would leave open. */
export const closeClient = async (client: EventStoreDBClient): Promise<void> => {
  await client.dispose();
  channels.get(client)?.close();
};

/**
 * Opens the client for appends. All appends share one long call; three guards are put on it:
 * - a reply to an append that was already given up or answered would end the process (§2.3 c): it is dropped;
 * - a broken call rejects writes that wait for it to drain, unhandled, which would end the process too: they never wait,
 *   as the number of appends under way is bounded;
 * - a call that the server ended politely would swallow all further appends: it is broken instead.
 */
export const openAppendClient = (url: string, dropped: (error: unknown) => void): EventStoreDBClient => {
  const client = openClient(url);
  const creator = member(client, 'GRPCStreamCreator');
  const guarded = new WeakSet<Duplex>();
  Reflect.set(client, 'GRPCStreamCreator', (...args: readonly unknown[]) => async (): Promise<unknown> => {
    const call: unknown = await creator(...args)();
    if (args[1] === 'appendToStream' && isDuplex(call) && !guarded.has(call)) {
      guarded.add(call);
      guard(call, dropped);
    }
    return call;
  });
  return client;
};

const isDuplex = (call: unknown): call is Duplex =>
  typeof call === 'object' && call !== null && 'write' in call && 'listeners' in call && 'destroy' in call;

const guard = (call: Duplex, dropped: (error: unknown) => void): void => {
  const settles = call.listeners('data');
  call.removeAllListeners('data');
  call.on('data', (reply) => {
    for (const settle of settles) {
      try {
        settle(reply);
      } catch (error) {
        dropped(error);
      }
    }
  });
  const write = call.write.bind(call);
  call.write = (request: unknown) => {
    write(request);
    return true;
  };
  call.once('end', () => call.destroy(new Error('The server ended the call for appends.')));
};
