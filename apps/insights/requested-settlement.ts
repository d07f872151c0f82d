import type { OutgoingMessage } from '#application/ports/message-queue';
import { messageKinds } from '#contracts/inbound/kinds';
import { outgoing } from '#contracts/outbound/outgoing';
import { partitionKey } from '#contracts/topics';
import { InvalidRequest } from './invalid-request.js';
import type { NamedIntent, Request } from './requested-intents.js';

const [, settlement] = messageKinds['delivery-reports'];

/**
 * What a person says of an unknown outcome as a message of the topic.
 * @throws InvalidRequest for what the topic's contract does not allow
 */
export const requestedSettlement = (
  { account, customer, intentId }: NamedIntent,
  body: unknown,
  { at, traceparent }: Request,
): OutgoingMessage => {
  const terms = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {};
  const content = { ...terms, account, customer: { id: customer }, intentId };
  const parsed = settlement.parse(content, { id: '', type: undefined, traceparent });
  if (parsed.kind === 'invalid') throw new InvalidRequest(parsed);
  const { outcome } = parsed.data.settlement;
  // The same for a repeated request, so that both are seen as one word.
  const id = `${account}/${customer}/${intentId}/settlement/${outcome}`;
  const attributes = { id, source: '/tidegate/insights', at, traceparent };
  return outgoing('delivery-reports', settlement.name, partitionKey(account, customer), attributes, content);
};
