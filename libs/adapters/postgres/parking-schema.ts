import type { Schema } from './migrate.js';

export const parkingSchema: Schema = {
  name: 'tidegate_parking',
  scripts: [
    `
    -- Names as \`toLine\` writes them. body: JSON of value and headers.
    create table messages (
      consumer_group text collate "C" not null,
      topic          text collate "C" not null,
      partition      int    not null,
      "offset"       bigint not null,
      key            text collate "C" not null,
      body           text   not null,
      at             bigint not null,
      error          text   not null,
      parked_at      bigint not null,
      primary key (consumer_group, topic, partition, "offset")
    );
    create index on messages (consumer_group, topic, key);
    `,
  ],
};
