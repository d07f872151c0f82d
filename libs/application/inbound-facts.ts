import type { CustomerEvent } from '#domain/gate/events';

/** What messages from outside can repeat, and so must be recognised for ever. */
const inboundFacts: ReadonlySet<string> = new Set([
  'CustomerMessageReceived',
  'CustomerCallReceived',
  'CustomerOptedIn',
  'CustomerOptedOut',
  'MessageDelivered',
  'MessageRead',
  'SendFailed',
] satisfies CustomerEvent['type'][]);

export const isInboundFact = (type: string): boolean => inboundFacts.has(type);
