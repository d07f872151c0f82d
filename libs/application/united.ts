import type { Instant } from '#domain/time';
import type { RecordedEvent } from './ports/event-store.js';
import { streamParts } from './streams.js';

/** Two ids of an account that are one customer from then on. */
export interface United {
  readonly account: string;
  /** The id whose stream was closed. */
  readonly from: string;
  /** The one that goes on. */
  readonly to: string;
  /** When the provider says so. */
  readonly at: Instant;
}

/**
 * What a count of persons needs to know of links (case 23). By the takeover and not by the closing: in the order of the
 * log `to` then always is the customer that goes on, also where links follow on each other, and nothing of `from` comes
 * after it.
 */
export const unitedBy = ({ stream, event }: Pick<RecordedEvent, 'stream' | 'event'>): United | undefined => {
  if (event.type !== 'CustomerMerged') return undefined;
  const { account = '', rest: [to = ''] = [] } = streamParts(stream) ?? {};
  return { account, from: event.from, to, at: event.at };
};
