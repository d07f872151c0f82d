import { InfrastructureError } from '#application/errors';
import {
  decisionOutcomes,
  deliveryStates,
  type AccountRow,
  type CustomerRow,
  type DecisionRow,
  type TemplateRow,
  type WakeRow,
} from '#application/ports/read-model';
import type { AccountState } from '#domain/account';
import type { CustomerState, OpenIntent } from '#domain/gate/state';
import type { TemplateState } from '#domain/template';
import { instantOf } from '#domain/time';
import { fromLine } from './lines.js';

// From rows to the shapes of the port. The data is our own, so states are checked at their top level only.

const corrupt = (what: string): InfrastructureError =>
  new InfrastructureError('store-corrupt', `The read model holds ${what} that was not written so: rebuild it.`);

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const checked = <State>(value: unknown, isState: (value: unknown) => value is State, what: string): State => {
  if (!isState(value)) throw corrupt(what);
  return value;
};

const parsed = <State>(json: string, isState: (value: unknown) => value is State, what: string): State =>
  checked(JSON.parse(json), isState, what);

const oneOf = <Word extends string>(words: readonly Word[], word: string, what: string): Word => {
  const known = words.find((candidate) => candidate === word);
  if (known === undefined) throw corrupt(`${what} '${word}'`);
  return known;
};

const isCustomerState = (value: unknown): value is CustomerState =>
  isObject(value) &&
  'windows' in value &&
  isObject(value.windows) &&
  'consents' in value &&
  isObject(value.consents) &&
  'intents' in value &&
  isObject(value.intents) &&
  'cooldowns' in value &&
  Array.isArray(value.cooldowns) &&
  'slots' in value &&
  Array.isArray(value.slots);

const isOpenIntent = (value: unknown): value is OpenIntent =>
  isObject(value) &&
  'status' in value &&
  'intent' in value &&
  isObject(value.intent) &&
  'intentId' in value.intent &&
  typeof value.intent.intentId === 'string';

const isAccountState = (value: unknown): value is AccountState =>
  isObject(value) &&
  'account' in value &&
  'revision' in value &&
  'senders' in value &&
  isObject(value.senders) &&
  'policies' in value &&
  Array.isArray(value.policies);

const isTemplateState = (value: unknown): value is TemplateState =>
  isObject(value) &&
  'name' in value &&
  'language' in value &&
  'revision' in value &&
  'categories' in value &&
  Array.isArray(value.categories);

const nullable = (line: string | null): string | null => (line === null ? null : fromLine(line));

type StoredCustomer = readonly [
  account: string,
  customer: string,
  revision: number,
  state: unknown,
  open: readonly unknown[],
];

export const storedCustomers = (json: string): readonly StoredCustomer[] => JSON.parse(json);

export const customerRow = ([account, customer, revision, stored, open]: StoredCustomer): CustomerRow => {
  const state = checked(stored, isCustomerState, 'the state of a customer');
  return {
    account: fromLine(account),
    customer: fromLine(customer),
    revision,
    state: open.length === 0 ? state : { ...state, intents: intentsIn(open) },
  };
};

const intentsIn = (open: readonly unknown[]): CustomerState['intents'] => {
  const intents: { [intentId: string]: OpenIntent } = Object.create(null);
  for (const stored of open) {
    const each = checked(stored, isOpenIntent, 'an open intent');
    intents[each.intent.intentId] = each;
  }
  return intents;
};

export interface StoredDecision {
  readonly account: string;
  readonly customer: string;
  readonly intent_id: string;
  readonly fingerprint: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly delivery: string | null;
  readonly command_id: string | null;
  readonly provider_message_id: string | null;
  readonly sender: string;
  readonly decided_at: number;
  readonly revision: number;
  readonly position: number;
  readonly decided_in: string;
  readonly decided_as: number;
}

export const decisionRow = (row: StoredDecision): DecisionRow => ({
  account: fromLine(row.account),
  customer: fromLine(row.customer),
  intentId: fromLine(row.intent_id),
  fingerprint: fromLine(row.fingerprint),
  outcome: oneOf(decisionOutcomes, row.outcome, 'an outcome'),
  reason: nullable(row.reason),
  delivery: row.delivery === null ? null : oneOf(deliveryStates, row.delivery, 'a delivery'),
  commandId: nullable(row.command_id),
  providerMessageId: nullable(row.provider_message_id),
  sender: fromLine(row.sender),
  decidedAt: instantOf(row.decided_at),
  revision: row.revision,
  position: row.position,
  decidedIn: fromLine(row.decided_in),
  decidedAs: row.decided_as,
});

export interface StoredWake {
  readonly account: string;
  readonly customer: string;
  readonly intent_id: string;
  readonly status: string;
  readonly wake_at: number;
}

export const wakeRow = (row: StoredWake): WakeRow => ({
  account: fromLine(row.account),
  customer: fromLine(row.customer),
  intentId: fromLine(row.intent_id),
  status: oneOf(['held', 'authorised', 'started', 'accepted'], row.status, 'a status'),
  wakeAt: instantOf(row.wake_at),
});

export const accountRow = ({ state }: { readonly state: string }): AccountRow => ({
  state: parsed(state, isAccountState, 'the state of an account'),
});

export const templateRow = ({ account, state }: { readonly account: string; readonly state: string }): TemplateRow => ({
  account: fromLine(account),
  state: parsed(state, isTemplateState, 'the state of a template'),
});
