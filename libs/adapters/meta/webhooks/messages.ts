import type { CallOutcome, MessageOrigin } from '#domain/message';
import type { CustomerDto } from '#contracts/inbound/customer';
import { recordOf, textOf, timeOfSeconds, type Json } from '#contracts/webhooks/json';
import { facts, nothing, notUnderstood, type Fact, type Meaning, type Unchecked } from '#contracts/webhooks/updates';
import { authorOf, customerOf, isNamed, PROVIDER, type Change } from './change.js';

/** What the customer said, by the type of the message: only texts and replies can carry a keyword (rules §4). */
const wordsIn: ReadonlyMap<unknown, (content: Json) => unknown> = new Map(
  Object.entries<(content: Json) => unknown>({
    text: (content) => content['body'],
    button: (content) => content['text'] ?? content['payload'],
    interactive: (content) =>
      ['button_reply', 'list_reply'].map((reply) => textOf(recordOf(content[reply])['title'])).find(Boolean),
    order: (content) => content['text'],
    reaction: (content) => content['emoji'],
    system: (content) => content['body'],
  }),
);

const messageFact = (
  item: Json,
  { context, sender }: Change,
  origin: MessageOrigin,
  customer: Unchecked<CustomerDto>,
  profileName: string | undefined,
): Fact => {
  const { account, receivedAt } = context;
  const type = textOf(item['type']);
  const content = recordOf(item[type ?? '']);
  const messageId = textOf(item['id']);
  return {
    topic: 'inbound-messages',
    kind: 'message',
    id: `${account}/${PROVIDER}/message/${sender}/${messageId}`,
    about: `${messageId}`,
    data: {
      account,
      provider: PROVIDER,
      sender,
      customer,
      messageId,
      type,
      origin,
      sentAt: timeOfSeconds(item['timestamp']),
      receivedAt,
      text: textOf(wordsIn.get(type)?.(content)),
      caption: textOf(content['caption']),
      profileName: profileName?.slice(0, 256),
    },
  };
};

// What a group's members write opens no window with anyone of them, as far as Meta says.
const ofGroup = (item: Json): Meaning | undefined =>
  item['group_id'] === undefined
    ? undefined
    : notUnderstood('group_id', 'Groups are not gated.', 'Take the number out of its groups, or ignore this.');

/** Everything in `messages`: also notices of the system, which open nothing but may say who is who. */
export const message = (item: Json, change: Change): Meaning => {
  const group = ofGroup(item);
  if (group !== undefined) return group;
  const contact = change.contacts.authorOf(item);
  const name = textOf(recordOf(contact?.['profile'])['name']);
  if (item['type'] !== 'system') return facts(messageFact(item, change, 'customer', authorOf(item, contact), name));
  const { type, ...system } = recordOf(item['system']);
  const current = customerOf(system['wa_id'] ?? system['new_wa_id'], system['user_id']);
  const former = otherThan(current, customerOf(item['from'], item['from_user_id']));
  const notice = messageFact(item, change, 'customer', isNamed(former) ? former : current, name);
  return renamings.has(type) && isNamed(former) && isNamed(current)
    ? facts(notice, identityFact(change, current, former, item['timestamp'], textOf(item['id'])))
    : facts(notice);
};

const otherThan = (
  known: Unchecked<CustomerDto>,
  { phone, userId }: Unchecked<CustomerDto>,
): Unchecked<CustomerDto> => ({
  phone: phone === known.phone ? undefined : phone,
  userId: userId === known.userId ? undefined : userId,
});

/** The number is a new one, and so is the user id that is made from it (platforms §2b, §2g). */
const renamings: ReadonlySet<unknown> = new Set([
  'user_changed_number',
  'customer_changed_number',
  'user_changed_user_id',
]);

const identityFact = (
  { context: { account, receivedAt } }: Change,
  customer: Unchecked<CustomerDto>,
  other: Unchecked<CustomerDto>,
  timestamp: unknown,
  reference: string | undefined,
): Fact => ({
  topic: 'inbound-messages',
  kind: 'identity',
  id: `${account}/${PROVIDER}/identity/${reference}`,
  about: `${reference}`,
  data: {
    account,
    provider: PROVIDER,
    customer,
    other,
    relation: 'changed',
    at: timeOfSeconds(timestamp),
    reference,
    receivedAt,
  },
});

/** `user_id_update`: which user id came after which. Whether its number is the old or the new one, nobody says. */
export const userIdUpdate = (item: Json, change: Change): Meaning => {
  const { previous, current } = recordOf(item['user_id']);
  const reference = `user_id_update/${textOf(current)}`;
  return facts(
    identityFact(change, customerOf(undefined, current), customerOf(undefined, previous), item['timestamp'], reference),
  );
};

/** Written by staff in the WhatsApp Business app (platforms §2b). */
export const echo = (item: Json, change: Change): Meaning =>
  ofGroup(item) ?? facts(messageFact(item, change, 'echo', customerOf(item['to'], item['to_user_id']), undefined));

/**
 * A customer's call, once it is over: only then it is known to be answered or missed. Of a missed one Meta tells no
 * start; its end stands in, marked, at most the time that a phone rings too late.
 */
export const call = (item: Json, { context, sender, contacts }: Change): Meaning => {
  const { account, receivedAt } = context;
  const direction = item['direction'];
  const event = item['event'];
  if (direction === 'BUSINESS_INITIATED') return nothing;
  if (direction !== 'USER_INITIATED') {
    return notUnderstood('direction', 'The call does not say who began it.', 'Ask Meta for what the direction means.');
  }
  if (event === 'connect') return nothing;
  const outcome = event === 'terminate' ? outcomeOf.get(item['status']) : undefined;
  if (outcome === undefined) {
    return notUnderstood(
      'event',
      'The event or the status of the call is unknown.',
      'Update Tidegate, or ignore this.',
    );
  }
  const startedAt = timeOfSeconds(item['start_time']);
  const callId = textOf(item['id']);
  return facts({
    topic: 'inbound-messages',
    kind: 'call',
    id: `${account}/${PROVIDER}/call/${sender}/${callId}`,
    about: `${callId}`,
    data: {
      account,
      provider: PROVIDER,
      sender,
      customer: authorOf(item, contacts.authorOf(item)),
      callId,
      outcome,
      startedAt: startedAt ?? timeOfSeconds(item['timestamp']),
      receivedAt,
      estimated: startedAt === undefined ? true : undefined,
    },
  });
};

const outcomeOf: ReadonlyMap<unknown, CallOutcome> = new Map([
  ['COMPLETED', 'answered'],
  ['FAILED', 'missed'],
]);
