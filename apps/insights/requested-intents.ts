import type { CustomerIdentity } from '#application/customer-identity';
import type { OutgoingMessage } from '#application/ports/message-queue';
import type { Instant } from '#domain/time';
import { messageKinds } from '#contracts/inbound/kinds';
import { written } from '#contracts/outbound/outgoing';
import { partitionKey, topicName } from '#contracts/topics';
import { InvalidRequest } from './invalid-request.js';

export const MAX_INTENTS = 1_000;

const [send, cancel] = messageKinds['send-intents'];
const typeOf = ({ name }: { readonly name: string }): string => `tidegate.send-intents.${name}`;

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
 * @throws InvalidRequest for the first that the topic's contract does not allow
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
    throw new InvalidRequest({
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
  request: Request,
): RequestedIntent => {
  const type = typeOf(send);
  const parsed = send.parse(content, { id: '', type, traceparent: request.traceparent });
  if (parsed.kind === 'invalid') throw new InvalidRequest(parsed, index);
  const { account, intent, customer: aliases } = parsed.data;
  const key = { account, customer: identity.customerOf(account, aliases), intentId: intent.intentId };
  return requested(key, type, intent.fingerprint, content, request);
};

export interface NamedIntent {
  readonly account: string;
  /** The customer's id. */
  readonly customer: string;
  readonly intentId: string;
}

/**
 * The cancellation of an intent as a message of the topic.
 * @throws InvalidRequest for what the topic's contract does not allow
 */
export const requestedCancellation = (
  { account, customer, intentId }: NamedIntent,
  reason: unknown,
  request: Request,
): RequestedIntent => {
  const type = typeOf(cancel);
  const content = { account, customer: { id: customer }, intentId, ...(reason === undefined ? {} : { reason }) };
  const parsed = cancel.parse(content, { id: '', type, traceparent: request.traceparent });
  if (parsed.kind === 'invalid') throw new InvalidRequest(parsed);
  return requested({ account, customer, intentId }, type, cancel.name, content, request);
};

const requested = (
  { account, customer, intentId }: NamedIntent,
  type: string,
  what: string,
  data: unknown,
  { at, traceparent }: Request,
): RequestedIntent => ({
  intentId,
  href: `/v1/accounts/${account}/customers/${customer}/intents/${encodeURIComponent(intentId)}`,
  message: {
    topic: topicName('send-intents'),
    key: partitionKey(account, customer),
    value: JSON.stringify({
      specversion: '1.0',
      // The same for a repeated request, so that both are seen as one wish.
      id: `${account}/${customer}/${intentId}/${what}`,
      source: '/tidegate/insights',
      type,
      time: written(at),
      datacontenttype: 'application/json',
      traceparent,
      data,
    }),
    headers: { 'content-type': 'application/cloudevents+json' },
  },
});
