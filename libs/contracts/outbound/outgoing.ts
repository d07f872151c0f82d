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

/** The instants of a batch are few, and a message names each several times: writing one anew takes longer than to look it up. */
const texts = new Map<Instant, string>();
const MOST_TEXTS = 1_000;

/** RFC 3339, UTC. */
export const written = (at: Instant): string => {
  const known = texts.get(at);
  if (known !== undefined) return known;
  const text = new Date(at).toISOString();
  if (texts.size >= MOST_TEXTS) texts.clear();
  texts.set(at, text);
  return text;
};

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
