import type { Schema } from './migrate.js';

/** The schema that is read. A rebuild fills another one and then takes its place. */
export const LIVE_VIEWS = 'tidegate_views';

/** Ids and names are as `toLine` writes them; states are JSON as text, which nobody searches. */
export const viewSchema = (name: string): Schema => ({
  name,
  scripts: [
    `
    -- owns_rows: the tables below are up to this position; the others are of those who only remember where they are.
    create table checkpoints (
      name      text collate "C" primary key,
      position  bigint  not null,
      owns_rows boolean not null
    ) with (fillfactor = 50);

    create table customers (
      account  text collate "C" not null,
      customer text collate "C" not null,
      revision bigint not null,
      state    text   not null,
      primary key (account, customer)
    ) with (fillfactor = 70);

    create table decisions (
      account             text collate "C" not null,
      customer            text collate "C" not null,
      intent_id           text collate "C" not null,
      fingerprint         text   not null,
      outcome             text   not null,
      reason              text,
      delivery            text,
      command_id          text,
      provider_message_id text collate "C",
      sender              text   not null,
      decided_at          bigint not null,
      revision            bigint not null,
      position            bigint not null,
      decided_in          text   not null,
      decided_as          bigint not null,
      primary key (account, customer, intent_id)
    ) with (fillfactor = 80);

    create table facts (id uuid primary key);

    -- Apart from the customers' rows, so that a batch writes what it changed, however much else a customer has open.
    create table open_intents (
      account           text collate "C" not null,
      customer          text collate "C" not null,
      intent_id         text collate "C" not null,
      status            text collate "C" not null,
      template_name     text collate "C",
      template_language text collate "C",
      wake_at           bigint,
      state             text   not null,
      primary key (account, customer, intent_id)
    ) with (fillfactor = 80);
    create index on open_intents (status, wake_at) where wake_at is not null;
    create index on open_intents (account, template_name, template_language, wake_at)
      where template_name is not null and wake_at is not null;

    create table active_users (
      account        text collate "C" not null,
      month          text collate "C" not null,
      customer       text collate "C" not null,
      first_at       bigint not null,
      first_event_id text   not null,
      primary key (account, month, customer)
    );

    create table active_months (
      account text collate "C" not null,
      month   text collate "C" not null,
      users   bigint not null,
      primary key (account, month)
    ) with (fillfactor = 50);

    create table accounts (
      account  text collate "C" primary key,
      revision bigint not null,
      state    text   not null
    );

    create table templates (
      account  text collate "C" not null,
      name     text collate "C" not null,
      language text collate "C" not null,
      revision bigint not null,
      status   text collate "C",
      state    text   not null,
      primary key (account, name, language)
    );
    create index on templates (account, name, language) where status = 'APPROVED';
    `,
    `
    create table late_facts (
      position bigint primary key,
      stream   text collate "C" not null
    );
    `,
  ],
  indexes: `
    create index on decisions (account, intent_id);
    create index on decisions (account, provider_message_id) where provider_message_id is not null;
  `,
});
