import type {
  AccountRow,
  CustomerRow,
  DecisionRow,
  LateFactRow,
  MauRow,
  OpenIntentRow,
  TemplateRow,
} from '#application/ports/read-model';
import { draftOf, initialCustomer, type CustomerState, type OpenIntent } from '#domain/gate/state';
import { id, json, number, Table, text } from './table.js';

const withoutIntents = (state: CustomerState): CustomerState => {
  const row = draftOf(state);
  row.intents = initialCustomer.intents;
  return row;
};

/** That an intent is held for, until it is approved. */
const templateOf = (open: OpenIntent): { readonly name: string; readonly language: string } | undefined =>
  open.status === 'held' ? open.template : undefined;

/** The tables of the read model that are written by their rows alone. */
export class ViewTables {
  readonly customers: Table<CustomerRow>;
  readonly decisions: Table<DecisionRow>;
  readonly facts: Table<string>;
  readonly openIntents: Table<OpenIntentRow>;
  readonly activeUsers: Table<MauRow>;
  readonly lateFacts: Table<LateFactRow>;
  readonly accounts: Table<AccountRow>;
  readonly templates: Table<TemplateRow>;

  constructor(schema: string) {
    const isNewer = 'excluded.revision > stored.revision';
    this.customers = new Table<CustomerRow>(
      `${schema}.customers`,
      [
        text('account', ({ account }) => account),
        text('customer', ({ customer }) => customer),
        number('revision', ({ revision }) => revision),
        json('state', ({ state }) => withoutIntents(state)),
      ],
      ['account', 'customer'],
      isNewer,
    );
    this.decisions = new Table<DecisionRow>(
      `${schema}.decisions`,
      [
        text('account', ({ account }) => account),
        text('customer', ({ customer }) => customer),
        text('intent_id', ({ intentId }) => intentId),
        text('fingerprint', ({ fingerprint }) => fingerprint),
        text('outcome', ({ outcome }) => outcome),
        text('reason', ({ reason }) => reason),
        text('delivery', ({ delivery }) => delivery),
        text('command_id', ({ commandId }) => commandId),
        text('provider_message_id', ({ providerMessageId }) => providerMessageId),
        text('sender', ({ sender }) => sender),
        number('decided_at', ({ decidedAt }) => decidedAt),
        number('revision', ({ revision }) => revision),
        number('position', ({ position }) => position),
        text('decided_in', ({ decidedIn }) => decidedIn),
        number('decided_as', ({ decidedAs }) => decidedAs),
      ],
      ['account', 'customer', 'intent_id'],
      // The same revision replaces too: what became of a decision changes while it stands.
      'excluded.revision >= stored.revision',
    );
    this.facts = new Table<string>(`${schema}.facts`, [id('id', (fact) => fact)], ['id']);
    this.openIntents = new Table<OpenIntentRow>(
      `${schema}.open_intents`,
      [
        text('account', ({ account }) => account),
        text('customer', ({ customer }) => customer),
        text('intent_id', ({ intentId }) => intentId),
        text('status', ({ open }) => open.status),
        text('template_name', ({ open }) => templateOf(open)?.name ?? null),
        text('template_language', ({ open }) => templateOf(open)?.language ?? null),
        number('wake_at', ({ wakeAt }) => wakeAt),
        json('state', ({ open }) => open),
      ],
      ['account', 'customer', 'intent_id'],
      // Many are named only because they may wake otherwise: a row that stays as it is is not written again.
      '(stored.wake_at, stored.state) is distinct from (excluded.wake_at, excluded.state)',
    );
    this.activeUsers = new Table<MauRow>(
      `${schema}.active_users`,
      [
        text('account', ({ account }) => account),
        text('month', ({ month }) => month),
        text('customer', ({ customer }) => customer),
        number('first_at', ({ firstAt }) => firstAt),
        text('first_event_id', ({ firstEventId }) => firstEventId),
      ],
      ['account', 'month', 'customer'],
    );
    this.lateFacts = new Table<LateFactRow>(
      `${schema}.late_facts`,
      [number('position', ({ position }) => position), text('stream', ({ stream }) => stream)],
      ['position'],
    );
    this.accounts = new Table<AccountRow>(
      `${schema}.accounts`,
      [
        text('account', ({ state }) => state.account),
        number('revision', ({ state }) => state.revision),
        json('state', ({ state }) => state),
      ],
      ['account'],
      isNewer,
    );
    this.templates = new Table<TemplateRow>(
      `${schema}.templates`,
      [
        text('account', ({ account }) => account),
        text('name', ({ state }) => state.name),
        text('language', ({ state }) => state.language),
        number('revision', ({ state }) => state.revision),
        text('status', ({ state }) => state.status ?? null),
        json('state', ({ state }) => state),
      ],
      ['account', 'name', 'language'],
      isNewer,
    );
  }
}
