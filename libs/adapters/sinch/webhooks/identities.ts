import { listOf, recordOf, textOf, type Json } from '#contracts/webhooks/json';
import { facts, type Meaning } from '#contracts/webhooks/updates';
import { customerOf, PROVIDER, type Callback } from './callback.js';

const whatsAppIdentitiesOf = (contact: unknown): readonly string[] =>
  listOf(recordOf(contact)['channel_identities'])
    .map(recordOf)
    .flatMap(({ channel, identity }) => (channel === 'WHATSAPP' ? (textOf(identity) ?? []) : []));

/** CONTACT_MERGE: all numbers and user ids of both contacts are one person. In one of its two shapes the deleted contact is an id only. */
export const contactMerge = (item: Json, callback: Callback): Meaning => {
  const { account, receivedAt } = callback.context;
  const preserved = item['preserved_contact'];
  const deleted = item['deleted_contact'];
  const [first, ...others] = new Set([...whatsAppIdentitiesOf(preserved), ...whatsAppIdentitiesOf(deleted)]);
  const deletedId = textOf(recordOf(deleted)['id']) ?? textOf(item['deleted_contact_id']);
  const reference = `merge/${textOf(recordOf(preserved)['id'])}/${deletedId}`;
  return facts(
    ...others.map(
      (other, index) =>
        ({
          topic: 'inbound-messages',
          kind: 'identity',
          id: `${account}/${PROVIDER}/${reference}/${index}`,
          about: reference,
          data: {
            account,
            provider: PROVIDER,
            customer: customerOf(first),
            other: customerOf(other),
            relation: 'same',
            at: callback.at,
            reference,
            receivedAt,
          },
        }) as const,
    ),
  );
};
