import { evolveAccount, initialAccount, type AccountEvent, type AccountState } from '#domain/account';
import type { CustomerEvent } from '#domain/gate/events';
import { isDecided } from '#domain/gate/verdict';
import { pictureAt, upTo, type Picture, type Timed, type View } from '#domain/history/as-of';
import { differences, type Difference } from '#domain/history/compare';
import { fold } from '#domain/gate/evolve';
import { initialCustomer, type CustomerState } from '#domain/gate/state';
import { evolveTemplate, initialTemplate, type TemplateEvent, type TemplateState } from '#domain/template';
import type { Instant } from '#domain/time';
import { InfrastructureError } from '../errors.js';
import type { EventStore, RecordedEvent } from '../ports/event-store.js';
import type { CustomerKey } from '../ports/read-model.js';
import { accountStream, customerStream, templateStream } from '../streams.js';
import { streamsOfPerson } from './person.js';

export interface TemplateName {
  readonly name: string;
  readonly language: string;
}

/** A fact that the two views do not share. */
export interface FactApart {
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly at: Instant;
  readonly recordedAt: Instant;
  /** `late`: true by then, and recorded only later. `ahead`: recorded by then, with a time that was still to come. */
  readonly is: 'late' | 'ahead';
}

export interface AsOf extends CustomerKey {
  readonly at: Instant;
  readonly trueThen: Picture;
  readonly knownThen: Picture;
  /** `a`: what was true; `b`: what was known. */
  readonly differences: readonly Difference[];
  readonly apart: readonly FactApart[];
}

/** What held for a customer at an instant: by event time, and by what the gate knew then. */
export class ReadAsOf {
  constructor(private readonly store: EventStore) {}

  /**
   * @param templates whose state is wanted too; those of the customer's intents are told anyway
   * @throws InfrastructureError `not-found`
   */
  async run(key: CustomerKey, at: Instant, templates: readonly TemplateName[] = []): Promise<AsOf> {
    const { account } = key;
    const { customer, others } = await this.#streamAt(key, at);
    const [events = [], accountEvents = []] = await this.store.readStreams([
      { stream: customerStream(account, customer), fromRevision: 0 },
      { stream: accountStream(account), fromRevision: 0 },
    ]);
    if (events.length === 0) {
      throw new InfrastructureError('not-found', `${account} has no such customer: the log holds nothing of it.`, {
        field: 'customer',
      });
    }
    const wanted = named([...templates, ...events.flatMap(({ event }) => templatesIn(event))]);
    const templateEvents = await this.#streams(account, [...wanted.values()]);
    const own = events.map(timed<CustomerEvent>);
    const ofOthers = others.map(timed<CustomerEvent>);
    const ofAccount = accountEvents.map(timed<AccountEvent>);
    const picture = (view: View): Picture =>
      pictureAt(
        at,
        upTo(own, at, view),
        upTo(ofOthers, at, view),
        upTo(ofAccount, at, view).reduce(withAccountEvent, initialAccount(account)),
        new Map(
          [...wanted].map(([spoken, { name, language }], index) => [
            spoken,
            upTo((templateEvents[index] ?? []).map(timed<TemplateEvent>), at, view).reduce(
              withTemplateEvent,
              initialTemplate(name, language),
            ),
          ]),
        ),
      );
    const trueThen = picture('true-then');
    const knownThen = picture('known-then');
    return {
      account,
      customer,
      at,
      trueThen,
      knownThen,
      differences: differences(trueThen, knownThen),
      apart: [...accountEvents, ...templateEvents.flat(), ...events].flatMap((recorded) => apartAt(at, recorded)),
    };
  }

  /** The stream that went on at that time, with the events of those that it had taken over (rules §11). */
  async #streamAt(key: CustomerKey, at: Instant): Promise<{ customer: string; others: readonly RecordedEvent[] }> {
    const streams = await streamsOfPerson(this.store, key);
    const eventsOf = (id: string): readonly RecordedEvent[] =>
      streams.find(({ customer }) => customer === id)?.events.filter(({ recordedAt }) => recordedAt <= at) ?? [];
    const stateOf = (id: string): CustomerState =>
      fold(
        eventsOf(id).map(({ event }) => event as CustomerEvent),
        initialCustomer,
      );
    let { customer } = key;
    let state = stateOf(customer);
    while (state.survivor !== undefined) {
      customer = state.survivor;
      state = stateOf(customer);
    }
    const aliases = state.aliases ?? [];
    return {
      customer,
      others: streams.flatMap((stream) => (aliases.includes(stream.customer) ? stream.events : [])),
    };
  }

  async #streams(account: string, templates: readonly TemplateName[]): Promise<readonly (readonly RecordedEvent[])[]> {
    if (templates.length === 0) return [];
    return await this.store.readStreams(
      templates.map(({ name, language }) => ({ stream: templateStream(account, name, language), fromRevision: 0 })),
    );
  }
}

const timed = <Event extends { readonly at: Instant }>(recorded: RecordedEvent): Timed<Event> => {
  const { id, stream, revision, recordedAt } = recorded;
  // The stream's category says which events it holds.
  return { id, stream, revision, recordedAt, event: recorded.event as unknown as Event };
};

const withAccountEvent = (state: AccountState, { event, revision }: Timed<AccountEvent>): AccountState => ({
  ...evolveAccount(state, event),
  revision,
});

const withTemplateEvent = (state: TemplateState, { event, revision }: Timed<TemplateEvent>): TemplateState => ({
  ...evolveTemplate(state, event),
  revision,
});

const templatesIn = (event: RecordedEvent['event']): readonly TemplateName[] =>
  isDecided(event)
    ? [event.intent.content, event.intent.fallback].flatMap((content) =>
        content?.kind === 'template' ? [content] : [],
      )
    : [];

const named = (templates: readonly TemplateName[]): ReadonlyMap<string, TemplateName> =>
  new Map(templates.map(({ name, language }) => [`${name}/${language}`, { name, language }]));

const apartAt = (at: Instant, { id, stream, revision, event, recordedAt }: RecordedEvent): readonly FactApart[] => {
  const wasTrue = event.at <= at;
  const wasKnown = recordedAt <= at;
  if (wasTrue === wasKnown) return [];
  return [{ id, stream, revision, type: event.type, at: event.at, recordedAt, is: wasTrue ? 'late' : 'ahead' }];
};
