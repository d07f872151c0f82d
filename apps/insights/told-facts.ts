import { createHash } from 'node:crypto';
import type { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import type { OutgoingMessage } from '#application/ports/message-queue';
import type { CustomerAliases } from '#contracts/inbound/customer';
import { messageKinds } from '#contracts/inbound/kinds';
import type { Fault } from '#contracts/inbound/schemas';
import { outgoing } from '#contracts/outbound/outgoing';
import { partitionKey, type InboundTopic } from '#contracts/topics';
import { InvalidRequest } from './invalid-request.js';
import type { Request } from './requested-intents.js';

export const MAX_FACTS = 1_000;

/** The topics of facts: all that the gate reads but the intents. */
export const factTopics = [
  'inbound-messages',
  'consents',
  'template-approvals',
  'delivery-reports',
  'accounts',
] as const satisfies readonly InboundTopic[];

interface FactKind {
  readonly topic: (typeof factTopics)[number];
  readonly name: string;
  readonly dto: new () => object;
  readonly parse: (
    content: unknown,
    envelope: { readonly id: string; readonly type: string | undefined; readonly traceparent: string | undefined },
  ) =>
    | {
        readonly kind: 'valid';
        readonly data: { readonly account: string; readonly customer?: CustomerAliases | undefined };
      }
    | Fault;
}

export const factKinds: readonly FactKind[] = factTopics.flatMap((topic) =>
  messageKinds[topic].flatMap((kind): readonly FactKind[] =>
    // What a person says of an outcome has a path of its own.
    kind.name === 'settlement' ? [] : [{ topic, name: kind.name, dto: kind.dto, parse: kind.parse }],
  ),
);

/** @throws InfrastructureError `not-found`, naming the kinds that there are */
export const factKind = (topic: string, name: string): FactKind => {
  const kind = factKinds.find((known) => known.topic === topic && known.name === name);
  if (kind !== undefined) return kind;
  const ofTopic = factKinds.filter((known) => known.topic === topic);
  const known = (ofTopic.length === 0 ? factKinds : ofTopic).map((own) => `${own.topic}/${own.name}`).join(', ');
  throw new InfrastructureError('not-found', `There are no facts ${topic}/${name}. Tell one of ${known}.`, {
    field: ofTopic.length === 0 ? 'topic' : 'kind',
  });
};

/**
 * The facts of a request body, one or `{ facts }`, as messages of their topic.
 * @throws InvalidRequest for the first that the topic's contract does not allow
 */
export const toldFacts = (
  kind: FactKind,
  body: unknown,
  identity: CustomerIdentity,
  request: Request,
): readonly OutgoingMessage[] => {
  if (typeof body !== 'object' || body === null || !('facts' in body)) {
    return [toldFact(kind, body, undefined, identity, request)];
  }
  const { facts } = body;
  if (!Array.isArray(facts) || facts.length === 0 || facts.length > MAX_FACTS) {
    throw new InvalidRequest({
      kind: 'invalid',
      field: 'facts',
      message: `facts must be an array of 1 to ${MAX_FACTS} facts of the kind ${kind.name}.`,
      remedy: 'Split a larger batch into several requests.',
    });
  }
  return facts.map((fact: unknown, index) => toldFact(kind, fact, index, identity, request));
};

const toldFact = (
  { topic, name, parse }: FactKind,
  content: unknown,
  index: number | undefined,
  identity: CustomerIdentity,
  { at, traceparent }: Request,
): OutgoingMessage => {
  const parsed = parse(content, { id: '', type: undefined, traceparent });
  if (parsed.kind === 'invalid') throw new InvalidRequest(parsed, index);
  const { account, customer } = parsed.data;
  const data = Object(content);
  // The same for a repeated request; whether it is the same fact, the recorder tells by the provider's own ids.
  const id = createHash('sha256').update(JSON.stringify(data)).digest('base64url');
  // What concerns one customer keeps its order, whether it comes from here or from a webhook.
  const key = customer === undefined ? account : partitionKey(account, identity.customerOf(account, customer));
  return outgoing(topic, name, key, { id, source: '/tidegate/insights', at, traceparent }, data);
};
