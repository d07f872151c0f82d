import {
  billingMonth,
  evolveAccount,
  initialAccount,
  policyAt,
  type AccountEvent,
  type AccountState,
} from '#domain/account';
import type { CustomerEvent, Decided } from '#domain/gate/events';
import { evolve } from '#domain/gate/evolve';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import type { Known } from '#domain/history/rederive';
import { countsIn } from '#domain/mau';
import { evolveTemplate, initialTemplate, type TemplateEvent, type TemplateState } from '#domain/template';
import type { Position, RecordedEvent } from '../ports/event-store.js';
import { customerStream, templateStream, type StreamParts } from '../streams.js';
import { unitedBy } from '../united.js';

/** One customer's stream, folded as far as the log was read; plain data, so that it can be laid aside as JSON. */
export interface FoldedCustomer<Extra = unknown> {
  readonly account: string;
  revision: number;
  state: CustomerState;
  /** Months in which the customer counts as active. */
  months: readonly string[];
  /** What a use case keeps beside it. */
  extra?: Extra | undefined;
}

/**
 * All states as of one position of the log, and those of accounts and templates as of every revision: a decision names
 * the revisions and the position that it stood on (rules §6), which may lie a moment before it.
 */
export class LogFold<Extra = unknown> {
  readonly accounts = new Map<string, AccountState[]>();
  readonly templates = new Map<string, TemplateState[]>();
  readonly customers = new Map<string, FoldedCustomer<Extra>>();
  /** By account and month: the positions of the facts that made one more customer active, ascending. */
  readonly counted = new Map<string, Position[]>();
  /** Likewise: of the takeovers that made two active customers one (case 23). */
  readonly united = new Map<string, Position[]>();

  /** Undefined for revision -1, which is before the first event; the latest without a revision. */
  account(account: string, revision?: number): AccountState {
    const states = this.accounts.get(account);
    return (revision === undefined ? states?.at(-1) : states?.[revision]) ?? initialAccount(account);
  }

  template(account: string, name: string, language: string, revision?: number): TemplateState | undefined {
    const states = this.templates.get(templateStream(account, name, language));
    return revision === undefined ? states?.at(-1) : states?.[revision];
  }

  customer(stream: string, account: string): FoldedCustomer<Extra> {
    const known = this.customers.get(stream);
    if (known !== undefined) return known;
    const unknown: FoldedCustomer<Extra> = { account, revision: -1, state: initialCustomer, months: [] };
    this.customers.set(stream, unknown);
    return unknown;
  }

  /** Active users of the month, counted up to and including the position. */
  usersAt(account: string, month: string, position: Position): number {
    const key = `${account}/${month}`;
    return upTo(this.counted.get(key), position) - upTo(this.united.get(key), position);
  }

  /** Active users of each account and month, by `account/month`. */
  *users(): Generator<readonly [string, number], void, void> {
    for (const [key, positions] of this.counted) yield [key, positions.length - (this.united.get(key)?.length ?? 0)];
  }

  /** What the gate knew when it took the decision; the customer is to be folded up to the event before it. */
  knownTo(account: string, customer: CustomerState, recorded: Decided): Known {
    const { accountRevision, templateRevision, mauPosition } = recorded.evidence;
    const state = this.account(account, accountRevision);
    return {
      customer,
      account: state,
      // Without a revision the template was not known, or none was judged.
      template: (name, language) =>
        templateRevision === undefined ? undefined : this.template(account, name, language, templateRevision),
      users: mauPosition === undefined ? 0 : this.usersAt(account, billingMonth(state, recorded.at).month, mauPosition),
    };
  }

  /** Takes in the next event of an account or a template. */
  takeDirectory(recorded: RecordedEvent, { category, account, rest: [name = '', language = ''] }: StreamParts): void {
    const { event, revision, stream } = recorded;
    if (category === 'account') {
      const states = this.accounts.get(account) ?? [];
      states.push({ ...evolveAccount(states.at(-1) ?? initialAccount(account), event as AccountEvent), revision });
      this.accounts.set(account, states);
    } else if (category === 'template') {
      const states = this.templates.get(stream) ?? [];
      const before = states.at(-1) ?? initialTemplate(name, language);
      states.push({ ...evolveTemplate(before, event as TemplateEvent), revision });
      this.templates.set(stream, states);
    }
  }

  /** Takes in the next event of a customer. */
  takeCustomer(customer: FoldedCustomer, recorded: RecordedEvent): void {
    const event = recorded.event as CustomerEvent;
    customer.revision = recorded.revision;
    customer.state = evolve(customer.state, event);
    this.count(customer, recorded);
  }

  /** Takes in only whom the event makes active. */
  count(customer: FoldedCustomer, recorded: RecordedEvent): void {
    const { event, position, recordedAt } = recorded;
    const { account } = customer;
    const united = unitedBy(recorded);
    if (united !== undefined) return this.#unite(customer, customerStream(account, united.from), position);
    const month = monthCounted(event as CustomerEvent, this.account(account), recordedAt);
    if (month === undefined || customer.months.includes(month)) return;
    customer.months = [...customer.months, month];
    note(this.counted, `${account}/${month}`, position);
  }

  /** A month in which both were active counts once from now on. */
  #unite(survivor: FoldedCustomer, loser: string, position: Position): void {
    const months = this.customers.get(loser)?.months ?? [];
    for (const month of months) {
      if (survivor.months.includes(month)) note(this.united, `${survivor.account}/${month}`, position);
    }
    survivor.months = [...new Set([...survivor.months, ...months])];
  }
}

const note = (noted: Map<string, Position[]>, key: string, position: Position): void => {
  const positions = noted.get(key);
  if (positions === undefined) noted.set(key, [position]);
  else positions.push(position);
};

/** How many of the ascending positions come up to and including this one. */
const upTo = (positions: readonly Position[] = [], position: Position): number => {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((positions[middle] ?? Infinity) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** The month in which the event makes its customer active, by the rule in force when it was recorded, as the projection counts. */
export const monthCounted = (
  event: CustomerEvent,
  account: AccountState,
  recordedAt: RecordedEvent['recordedAt'],
): string | undefined => countsIn(event, account, policyAt(account, recordedAt).mauRule)?.month;
