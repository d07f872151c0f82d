import type { Schema } from './migrate.js';

/** The schema that is read. A rebuild fills another one and then takes its place. */
export const LIVE_ANALYTICS = 'tidegate_analytics';

/** Ids and names are as `toLine` writes them; instants are milliseconds since 1970. For people there is `tidegate_reports`. */
export const analyticsSchema = (name: string): Schema => ({
  name,
  scripts: [
    `
    -- One row: these tables hold one version of one projection.
    create table checkpoint (
      one         boolean primary key default true check (one),
      name        text    not null,
      position    bigint  not null,
      recorded_at bigint  not null
    ) with (fillfactor = 50);

    -- position, here and below: of the last event that changed the row.
    create table sessions (
      account        text collate "C"   not null,
      customer       text collate "C"   not null,
      sender         text collate "C"   not null,
      opened_at      bigint not null,
      id             uuid   not null,
      opener_at      bigint not null,
      corrected_at   bigint,
      ends_at        bigint not null,
      restarts       bigint not null,
      received       text   not null,
      sent_session   bigint not null,
      sent_template  bigint not null,
      sent_echo      bigint not null,
      first_reply_at bigint,
      position       bigint not null,
      primary key (account, customer, sender, opened_at)
    ) with (fillfactor = 80);

    -- Ids of sessions that are no more, since they were joined with others: for those who were told of them.
    create table removed_sessions (
      id       uuid   primary key,
      account  text collate "C"   not null,
      position bigint not null
    );
    create index on removed_sessions (position);

    create table users (
      account        text collate "C"   not null,
      month          text collate "C"   not null,
      customer       text collate "C"   not null,
      first_at       bigint not null,
      first_event_id uuid   not null,
      rule           text   not null,
      zone           text   not null,
      position       bigint not null,
      primary key (account, customer, month)
    );

    -- days: JSON, how many were new on each day of the month.
    create table months (
      account         text collate "C"   not null,
      month           text collate "C"   not null,
      zone            text   not null,
      rule            text   not null,
      users           bigint not null,
      days            text   not null,
      closed_at       bigint,
      closed_users    bigint,
      closed_position bigint,
      adjusted        bigint not null,
      position        bigint not null,
      primary key (account, month)
    ) with (fillfactor = 50);
    create index on months (position);

    -- What may be an adjustment once its month is closed; settled is 1 when the log has the adjustment.
    create table month_changes (
      account  text collate "C"   not null,
      month    text collate "C"   not null,
      customer text collate "C"   not null,
      because  uuid   not null,
      change   int    not null,
      position bigint not null,
      settled  int    not null default 0,
      primary key (account, customer, month, because)
    );

    create table decided (
      account           text collate "C"   not null,
      customer          text collate "C"   not null,
      intent_id         text collate "C"   not null,
      position          bigint not null,
      at                bigint not null,
      outcome           text   not null,
      reason            text collate "C",
      rule              text,
      policy            text,
      cost              text,
      sender            text   not null,
      kind              text,
      template_name     text,
      template_language text,
      sent_at           bigint,
      delivered_at      bigint,
      failure           text,
      primary key (account, customer, intent_id, position)
    ) with (fillfactor = 80);

    create table hours (
      account   text collate "C"   not null,
      hour      bigint not null,
      outcome   text collate "C"   not null,
      -- The word none where a decision has none.
      reason    text collate "C"   not null,
      decisions bigint not null,
      primary key (account, hour, outcome, reason)
    ) with (fillfactor = 70);

    create table accounts (
      account  text collate "C"   primary key,
      revision bigint not null,
      state    text   not null
    );
    `,
    `
    -- Decisions that late facts spoke of, as the latest of these says.
    create table revised (
      account         text collate "C"   not null,
      decision        uuid   not null,
      customer        text collate "C"   not null,
      intent_id       text   not null,
      sender          text   not null,
      decided_at      bigint not null,
      outcome         text   not null,
      reason          text,
      revised_outcome text   not null,
      revised_reason  text,
      because         uuid   not null,
      fact            text   not null,
      true_at         bigint not null,
      recorded_at     bigint not null,
      position        bigint not null,
      primary key (account, decision)
    );
    create index on revised (account, decided_at, decision);
    `,
    `
    -- When a change of the customer's number ended it.
    alter table sessions add column changed_at bigint;
    `,
  ],
  indexes: `
    create index on sessions (account, opened_at, id);
    create index on sessions (position);
    create index on users (account, month, customer);
    create index on month_changes (account, month, position) where settled = 0;
    create index on decided (account, at, position);
    create index on decided (account, reason, at, position) where reason is not null;
  `,
});
