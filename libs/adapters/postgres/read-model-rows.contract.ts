import type {
  CustomerKey,
  CustomerRows,
  DecisionRow,
  IntentKey,
  OpenIntentRow,
  ProjectionChanges,
  ProjectionStore,
  ReadModel,
} from '#application/ports/read-model';
import { initialCustomer, type CustomerState, type OpenIntent } from '#domain/gate/state';
import { instantOf, type Instant } from '#domain/time';

// What the contract of the read model is told with, and tests beside it.

export interface Views {
  readonly model: ReadModel;
  readonly store: ProjectionStore;
}

const noRows: CustomerRows = { customers: [], decisions: [], openIntents: [], facts: [], activeUsers: [] };

/** A batch that changes nothing: what a test puts its rows on top of. */
export const noChanges: ProjectionChanges = {
  ...noRows,
  begun: noRows,
  closed: [],
  lateFacts: [],
  takeovers: [],
  accounts: [],
  templates: [],
};

/** Text that a line, an SQL literal or a UTF-8 text column could each stumble over. */
export const awkward = 'a\nb\\n\\N\t\'"\u0000\u001f\ud83d ß 🌊 \\E';

export const at = (ms: number) => instantOf(1_780_000_000_000 + ms);

export const stateOf = (sender: string): CustomerState => ({
  ...initialCustomer,
  windows: { [sender]: { openerAt: at(0) } },
  lastActiveAt: at(1),
});

export const decisionOf = (key: CustomerKey, change: Partial<DecisionRow> = {}): DecisionRow => ({
  ...key,
  intentId: 'intent',
  fingerprint: 'fingerprint',
  outcome: 'authorised',
  reason: null,
  delivery: 'pending',
  commandId: 'command',
  providerMessageId: null,
  sender: '15550001111',
  decidedAt: at(0),
  revision: 3,
  position: 30,
  decidedIn: key.customer,
  decidedAs: 2,
  ...change,
});

const permit = {
  personal: { to: { phone: '491701234567' }, text: awkward },
  ordinal: 1,
  revocations: 0,
  content: 'own',
  validUntil: at(99),
  needsWindow: true,
  usesSlot: false,
  attempt: 1,
} as const;

const openOf = (
  status: OpenIntent['status'],
  intentId: string,
  template?: { readonly name: string; readonly language: string },
): OpenIntent => {
  const intent = {
    intentId,
    sender: '15550001111',
    content: { kind: 'session', messageType: 'text' },
    whenClosed: 'refuse',
    whenPaused: 'refuse',
    fingerprint: 'fingerprint',
  } as const;
  const attempt = { ...permit, intent, claim: 'claim', startedAt: at(0) };
  switch (status) {
    case 'held':
      return { ...permit, intent, status, reason: 'scheduled', wakeAt: at(50), template };
    case 'authorised':
      return { ...permit, intent, status };
    case 'started':
    case 'outcome-unknown':
      return { ...attempt, status };
    case 'accepted':
      return { ...attempt, status, providerMessageId: 'wamid.1' };
  }
};

export const openRow = (
  key: CustomerKey & Partial<IntentKey>,
  wakeAt: Instant | null = at(0),
  status: OpenIntent['status'] = 'authorised',
  template?: { readonly name: string; readonly language: string },
): OpenIntentRow => {
  const { account, customer, intentId = 'intent' } = key;
  return { account, customer, intentId, open: openOf(status, intentId, template), wakeAt };
};

export const wakeOf = ({ account, customer, intentId, open: { status }, wakeAt }: OpenIntentRow) => ({
  account,
  customer,
  intentId,
  status,
  wakeAt,
});
