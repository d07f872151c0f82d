import type { ReceivedMessage } from '#application/ports/message-queue';
import type { Fault } from './inbound/schemas.js';

// CloudEvents 1.0, Kafka protocol binding: binary mode (headers `ce_*`) and structured mode
// (`application/cloudevents+json`). https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md

export interface Envelope {
  /** The CloudEvent's id; without one, the message's place in the queue. Correlates all that follows. */
  readonly id: string;
  /** Undefined when the message says none: the topic's main kind. */
  readonly type: string | undefined;
  /** W3C trace context. */
  readonly traceparent: string | undefined;
}

export interface Opened {
  readonly kind: 'opened';
  readonly envelope: Envelope;
  readonly content: unknown;
}

const invalid = (field: string, message: string, remedy: string): Fault => ({
  kind: 'invalid',
  field,
  message,
  remedy,
});

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isStructured = ({ headers }: ReceivedMessage): boolean =>
  headers['content-type']?.toLowerCase().startsWith('application/cloudevents+json') === true;

/** What can be read of a message whatever is wrong with it: its type and its content, each undefined when it cannot. */
export const legible = (
  message: ReceivedMessage,
): { readonly type: unknown; readonly content: Readonly<Record<string, unknown>> | undefined } => {
  const value = parsed(message.value);
  const event = isStructured(message) && isRecord(value) ? value : undefined;
  const content = event === undefined ? value : event['data'];
  return {
    type: event === undefined ? message.headers['ce_type'] : event['type'],
    content: isRecord(content) ? content : undefined,
  };
};

/** Undefined is no JSON. */
const parsed = (text: string | null): unknown => {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
};

/** Takes a message out of its envelope; its content is JSON, not yet validated. */
export const openEnvelope = (message: ReceivedMessage): Opened | Fault => {
  if (message.value === null) {
    return invalid('', 'The message has no value.', 'Send a JSON object; a tombstone means nothing on this topic.');
  }
  const content = parsed(message.value);
  if (content === undefined) return invalid('', 'The value is not JSON.', 'Send a JSON object in UTF-8.');
  const { headers } = message;
  if (isStructured(message)) {
    if (!isRecord(content)) return invalid('', 'The CloudEvent is not an object.', 'Send one CloudEvent per message.');
    return opened(content, '', content['data'], content['traceparent'] ?? headers['traceparent']);
  }
  const isCloudEvent = Object.keys(headers).some((name) => name.startsWith('ce_'));
  if (isCloudEvent) return opened(headers, 'ce_', content, headers['ce_traceparent'] ?? headers['traceparent']);
  const { topic, partition, offset } = message;
  const id = `${topic}/${partition}/${offset}`;
  return { kind: 'opened', envelope: { id, type: undefined, traceparent: headers['traceparent'] }, content };
};

const opened = (
  attributes: Readonly<Record<string, unknown>>,
  prefix: '' | 'ce_',
  content: unknown,
  traceparent: unknown,
): Opened | Fault => {
  const attribute = (name: string): string | undefined => {
    const value = attributes[`${prefix}${name}`];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [version, id, source, type] = [
    attribute('specversion'),
    attribute('id'),
    attribute('source'),
    attribute('type'),
  ];
  const lacking = (name: string): Fault =>
    invalid(
      `${prefix}${name}`,
      `The CloudEvent has no ${name}.`,
      `Set ${prefix}${name}, or send no CloudEvent at all.`,
    );
  if (version === undefined) return lacking('specversion');
  if (version !== '1.0') {
    return invalid(`${prefix}specversion`, `CloudEvents ${version} is not known.`, 'Send specversion 1.0.');
  }
  if (id === undefined) return lacking('id');
  if (source === undefined) return lacking('source');
  if (type === undefined) return lacking('type');
  return {
    kind: 'opened',
    envelope: { id, type, traceparent: typeof traceparent === 'string' ? traceparent : undefined },
    content,
  };
};
