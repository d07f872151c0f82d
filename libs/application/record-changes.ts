import type { AccountEvent } from '#domain/account';
import type { TemplateEvent } from '#domain/template';
import { appendSurely } from './append-surely.js';
import { InfrastructureError } from './errors.js';
import { factId } from './event-ids.js';
import type { EventMetadata, EventStore } from './ports/event-store.js';

/** One event for the stream of an account or of a template. */
export interface ChangeCommand {
  readonly stream: string;
  /** The event, given the revision that it will have. */
  readonly event: (revision: number) => AccountEvent | TemplateEvent;
  /** Its `correlationId` makes the change unique: a redelivery carries the same. */
  readonly metadata: EventMetadata;
}

const ATTEMPTS = 6;

/** Records what an account or a template became. These streams are short and change seldom: they are read whole. */
export class RecordChanges {
  constructor(private readonly store: EventStore) {}

  /** @throws InfrastructureError `too-many-conflicts`, `store-unavailable` */
  async run(commands: readonly ChangeCommand[]): Promise<void> {
    let pending = [...byStream(commands)];
    for (let attempt = 1; pending.length > 0; attempt += 1) {
      if (attempt > ATTEMPTS) {
        throw new InfrastructureError('too-many-conflicts', `${pending.length} streams kept changing while recording.`);
      }
      const streams = await this.store.readStreams(pending.map(([stream]) => ({ stream, fromRevision: 0 })));
      const appends = pending.flatMap(([stream, group], index) => {
        const known = new Set((streams[index] ?? []).map(({ id }) => id));
        const events = group
          .map(({ event, metadata }) => ({ id: factId(stream, `change/${metadata.correlationId}`), event, metadata }))
          .filter(({ id }) => !known.has(id))
          .map(({ id, event, metadata }, place) => ({ id, event: event(known.size + place), metadata }));
        return events.length === 0 ? [] : [{ stream, expectedRevision: known.size - 1, events }];
      });
      const outcomes = await appendSurely(this.store, appends);
      const conflicts = new Set(
        appends.flatMap(({ stream }, index) => (outcomes[index]?.kind === 'conflict' ? [stream] : [])),
      );
      pending = pending.filter(([stream]) => conflicts.has(stream));
    }
  }
}

const byStream = (commands: readonly ChangeCommand[]): ReadonlyMap<string, readonly ChangeCommand[]> => {
  const groups = new Map<string, ChangeCommand[]>();
  for (const command of commands) {
    const group = groups.get(command.stream);
    if (group === undefined) groups.set(command.stream, [command]);
    else group.push(command);
  }
  return groups;
};
