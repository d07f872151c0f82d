import type { CustomerIdentity } from '#application/customer-identity';
import type { OutgoingMessage } from '#application/ports/message-queue';
import type { Instant } from '#domain/time';
import { messageKinds } from '#contracts/inbound/kinds';
import { written } from '#contracts/outbound/outgoing';
import { partitionKey, topicName } from '#contracts/topics';
import { InvalidIntents } from './invalid-intents.js';

export const MAX_INTENTS = 1_000;

const [send] = messageKinds['send-intents'];
const type = `tidegate.send-intents.${send.name}`;

export interface RequestedIntent {
  readonly intentId: string;
  /** Where its decision will be. */
  readonly href: string;
  readonly message: OutgoingMessage;
}

export interface Request {
  readonly at: Instant;
  /** W3C trace context. */
  readonly traceparent: string | undefined;
}

/**
 * The intents of a request body, one `SendDto` or `{ intents }`, as messages of the topic.
 * @throws InvalidIntents for the first that the topic's contract does not allow
 */
export const requestedIntents = (
  body: unknown,
  identity: CustomerIdentity,
  request: Request,
): readonly RequestedIntent[] => {
  if (typeof body !== 'object' || body === null || !('intents' in body)) {
    return [requestedIntent(body, undefined, identity, request)];
  }
  const { intents } = body;
  if (!Array.isArray(intents) || intents.length === 0 || intents.length > MAX_INTENTS) {
    throw new InvalidIntents({
      kind: 'invalid',
      field: 'intents',
      message: `intents must be an array of 1 to ${MAX_INTENTS} send intents.`,
      remedy: 'Split a larger batch into several requests.',
    });
  }
  return intents.map((intent: unknown, index) => requestedIntent(intent, index, identity, request));
};

const requestedIntent = (
  content: unknown,
  index: number | undefined,
  identity: CustomerIdentity,
  { at, traceparent }: Request,
): RequestedIntent => {
  const parsed = send.parse(content, { id: '', type, traceparent });
  if (parsed.kind === 'invalid') throw new InvalidIntents(parsed, index);
  const { account, intent, customer: aliases } = parsed.data;
  const customer = identity.customerOf(account, aliases);
  const { intentId } = intent;
  return {
    intentId,
    href: `/v1/accounts/${account}/customers/${customer}/intents/${encodeURIComponent(intentId)}`,
    message: {
      topic: topicName('send-intents'),
      key: partitionKey(account, customer),
      value: JSON.stringify({
        specversion: '1.0',
        // The same for a repeated request, so that both are seen as one wish.
        id: `${account}/${customer}/${intentId}/${intent.fingerprint}`,
        source: '/tidegate/insights',
        type,
        time: written(at),
        datacontenttype: 'application/json',
        traceparent,
        data: content,
      }),
      headers: { 'content-type': 'application/cloudevents+json' },
    },
  };
};
