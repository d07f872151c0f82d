import type { CustomerDto } from '#contracts/inbound/customer';
import { recordOf, textOf, type Json } from '#contracts/webhooks/json';
import { senderOf, type Unchecked, type WebhookContext } from '#contracts/webhooks/updates';

export const PROVIDER = 'meta';

/** What the updates of one change share. */
export interface Change {
  readonly context: WebhookContext;
  readonly value: Json;
  /** Unix seconds as a number, of the whole entry. */
  readonly entryTime: unknown;
  /** Our own number: half of the window's key. */
  readonly sender: string | undefined;
  readonly contacts: Contacts;
}

/** The people that a webhook names, found by each of their aliases. */
export class Contacts {
  readonly #byAlias = new Map<unknown, Json>();
  readonly #only: Json | undefined;

  constructor(contacts: readonly unknown[]) {
    const all = contacts.map(recordOf);
    this.#only = all.length === 1 ? all[0] : undefined;
    for (const contact of all)
      for (const alias of [textOf(contact['wa_id']), textOf(contact['user_id'])])
        if (alias !== undefined) this.#byAlias.set(alias, contact);
  }

  /** Who wrote or called; an update may leave that to the only contact of its webhook. */
  authorOf(item: Json): Json | undefined {
    const [from, userId] = [textOf(item['from']), textOf(item['from_user_id'])];
    return from === undefined && userId === undefined
      ? this.#only
      : (this.#byAlias.get(from) ?? this.#byAlias.get(userId));
  }
}

/** The sender by `metadata`: the number that is displayed, unless the settings name that of its id. */
export const senderIn = (value: Json, { senders }: WebhookContext): string | undefined => {
  const metadata = recordOf(value['metadata']);
  return senders.get(textOf(metadata['phone_number_id']) ?? '') ?? senderOf(textOf(metadata['display_phone_number']));
};

/** A person as given: since usernames, the number may be missing (platforms §2g). */
export const customerOf = (phone: unknown, userId: unknown): Unchecked<CustomerDto> => ({
  phone: textOf(phone),
  userId: textOf(userId),
});

/** Who wrote or called. */
export const authorOf = (item: Json, contact: Json | undefined): Unchecked<CustomerDto> => {
  const from = textOf(item['from']);
  const userId = textOf(item['from_user_id']) ?? textOf(contact?.['user_id']);
  return { phone: from ?? (userId === undefined ? textOf(contact?.['wa_id']) : undefined), userId };
};

export const isNamed = ({ phone, userId }: Unchecked<CustomerDto>): boolean =>
  phone !== undefined || userId !== undefined;
