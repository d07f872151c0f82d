import { messageKinds, type Kind } from '#contracts/inbound/kinds';
import type { Update, WebhookContext } from '#contracts/webhooks/updates';

export const webhookContext: WebhookContext = {
  account: 'acme',
  receivedAt: '2026-05-04T12:00:05.000Z',
  senders: new Map(),
};

/** What one update became: `[topic/kind, data]` of each fact as it goes on the wire, or the field at fault. */
export type Became = readonly (readonly [kind: string, data: unknown])[] | { readonly fault: string };

/** Facts that the topic's contract refuses count as faults, as they do at the edge. */
export const becameOf = ({ meaning }: Update): Became => {
  if (meaning.kind === 'invalid') return { fault: meaning.field };
  const became: (readonly [string, unknown])[] = [];
  for (const { topic, kind, data } of meaning.facts) {
    const kinds: readonly Kind<string, unknown>[] = messageKinds[topic];
    const parsed = kinds.find(({ name }) => name === kind)?.parse(data, envelope);
    if (parsed === undefined || parsed.kind === 'invalid') return { fault: parsed?.field ?? kind };
    became.push([`${topic}/${kind}`, JSON.parse(JSON.stringify(data))]);
  }
  return became;
};

const envelope = { id: 'e', type: undefined, traceparent: undefined };

export const idsOf = ({ meaning }: Update): readonly string[] =>
  meaning.kind === 'invalid' ? [] : meaning.facts.map(({ id }) => id);
