import type { Instant } from '#domain/time';
import type { ReceivedMessage } from './message-queue.js';

export interface ParkedMessage {
  readonly message: ReceivedMessage;
  /** Why, for the person who looks into it. */
  readonly error: string;
  readonly parkedAt: Instant;
}

/**
 * Messages whose handling met a bug, and all later ones of their keys, in order, until they can be handled: a fault in
 * the code delays some customers, and neither loses their messages nor stops those of others. By consumer group.
 */
export abstract class Parking {
  /** Those of the keys that have parked messages. @throws InfrastructureError `database-unavailable` */
  abstract parkedKeys(group: string, topic: string, keys: readonly string[]): Promise<ReadonlySet<string>>;

  /** Stores durably; a message that is parked already stays as it is. @throws InfrastructureError `database-unavailable` */
  abstract park(group: string, messages: readonly ParkedMessage[]): Promise<void>;

  /**
   * Those of a topic in the order of partitions and offsets, and so each key in order; at most `limit`, and only those
   * behind `after`. @throws InfrastructureError `database-unavailable`
   */
  abstract parked(
    group: string,
    topic: string,
    limit: number,
    after?: Pick<ReceivedMessage, 'partition' | 'offset'>,
  ): Promise<readonly ParkedMessage[]>;

  /** They were handled after all. @throws InfrastructureError `database-unavailable` */
  abstract release(group: string, messages: readonly ReceivedMessage[]): Promise<void>;
}
