import type { OutgoingMessage } from '#application/ports/message-queue';
import type { Instant } from '#domain/time';
import { topicName, type Topic } from '../topics.js';

export interface Attributes {
  /** The same for a repeat, so that readers can drop it. */
  readonly id: string;
  /** Which app says so, for example `/tidegate/dispatcher`. */
  readonly source: string;
  readonly at: Instant;
  /** W3C trace context. */
  readonly traceparent?: string | undefined;
}

/** RFC 3339, UTC. */
export const written = (at: Instant): string => new Date(at).toISOString();

/** A CloudEvent in structured mode: one header, because each costs a Kafka client more than a field does. */
export const outgoing = (
  topic: Topic,
  kind: string,
  key: string,
  { id, source, at, traceparent }: Attributes,
  data: object,
): OutgoingMessage => ({
  topic: topicName(topic),
  key,
  value: JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type: `tidegate.${topic}.${kind}`,
    time: written(at),
    datacontenttype: 'application/json',
    traceparent,
    data,
  }),
  headers: { 'content-type': 'application/cloudevents+json' },
});
