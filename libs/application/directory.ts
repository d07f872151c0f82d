import { evolveAccount, initialAccount, type AccountEvent, type AccountState } from '#domain/account';
import { evolveTemplate, initialTemplate, type TemplateEvent, type TemplateState } from '#domain/template';
import { type EventStore, type RecordedEvent } from './ports/event-store.js';
import type { ReadModel } from './ports/read-model.js';
import { accountStream, streamParts, templateStream } from './streams.js';

/**
 * Accounts and templates as folded in memory: a moment old at the most, and each state names the revision it stands on
 * (rules §6). Starts from the read model and follows the log.
 */
export class Directory {
  readonly #accounts = new Map<string, AccountState>();
  readonly #templates = new Map<string, TemplateState>();

  constructor(
    private readonly store: EventStore,
    private readonly readModel: Pick<ReadModel, 'accounts' | 'templates' | 'activeUsers'>,
  ) {}

  account(account: string): AccountState | undefined {
    const state = this.#accounts.get(account);
    return state?.registered === true ? state : undefined;
  }

  template(account: string, name: string, language: string): TemplateState | undefined {
    return this.#templates.get(templateStream(account, name, language));
  }

  /** Reads the accounts' own streams now: for those that a message names and the directory does not know yet. */
  async refreshAccounts(accounts: readonly string[]): Promise<void> {
    const reads = accounts.map((account) => ({
      stream: accountStream(account),
      fromRevision: (this.#accounts.get(account)?.revision ?? -1) + 1,
    }));
    if (reads.length > 0) for (const events of await this.store.readStreams(reads)) this.#take(events);
  }

  /** The same for templates: the re-check just before a call wants them as of now (rules §7). */
  async refreshTemplates(templates: readonly { account: string; name: string; language: string }[]): Promise<void> {
    const reads = templates.map(({ account, name, language }) => {
      const stream = templateStream(account, name, language);
      return { stream, fromRevision: (this.#templates.get(stream)?.revision ?? -1) + 1 };
    });
    if (reads.length > 0) for (const events of await this.store.readStreams(reads)) this.#take(events);
  }

  /** Follows the log until aborted. `onCaughtUp` is called once, when nothing of the past is missing any more. */
  async follow(signal: AbortSignal, onCaughtUp: () => void): Promise<void> {
    // The position is read before the rows: rows may be newer, and the revision guard makes the overlap harmless.
    const { position } = await this.readModel.activeUsers([]);
    for (const { state } of await this.readModel.accounts()) this.#accounts.set(state.account, state);
    for (const { account, state } of await this.readModel.templates()) {
      this.#templates.set(templateStream(account, state.name, state.language), state);
    }
    let known = false;
    const options = {
      name: 'directory',
      after: position,
      categories: ['account', 'template'],
      batchSize: 500,
      signal,
    } as const;
    for await (const { events, caughtUp } of this.store.subscribe(options)) {
      this.#take(events);
      if (caughtUp && !known) {
        known = true;
        onCaughtUp();
      }
    }
  }

  #take(events: readonly RecordedEvent[]): void {
    for (const recorded of events) {
      const parts = streamParts(recorded.stream);
      if (parts?.category === 'account') this.#takeAccount(parts.account, recorded);
      else if (parts?.category === 'template') this.#takeTemplate(parts.account, parts.rest, recorded);
    }
  }

  #takeAccount(account: string, { event, revision }: RecordedEvent): void {
    const state = this.#accounts.get(account) ?? initialAccount(account);
    if (revision <= state.revision) return;
    this.#accounts.set(account, { ...evolveAccount(state, event as AccountEvent), revision });
  }

  #takeTemplate(
    account: string,
    [name = '', language = '']: readonly string[],
    { event, revision, stream }: RecordedEvent,
  ): void {
    const state = this.#templates.get(stream) ?? initialTemplate(name, language);
    if (revision <= state.revision) return;
    this.#templates.set(templateStream(account, name, language), {
      ...evolveTemplate(state, event as TemplateEvent),
      revision,
    });
  }
}
