import type { OutgoingMessage } from '#application/ports/message-queue';
import { topicName } from '#contracts/topics';

export const ACCOUNT = 'bench';
export const SENDER = '4930555000001';

let ids = 0;
const next = (): number => (ids += 1);

export const phoneOf = (customer: number): string => String(491_700_000_000 + customer);

const message = (topic: Parameters<typeof topicName>[0], kind: string, key: string, data: object): OutgoingMessage => ({
  topic: topicName(topic),
  key,
  value: JSON.stringify({
    specversion: '1.0',
    id: `${kind}-${key}-${next()}`,
    source: '/bench',
    type: `tidegate.${topic}.${kind}`,
    data: { account: ACCOUNT, ...data },
  }),
  headers: { 'content-type': 'application/cloudevents+json' },
});

/** The account with one sender that was onboarded long ago. */
export const accountMessages = (): readonly OutgoingMessage[] => [
  message('accounts', 'register-account', ACCOUNT, { zone: 'Europe/Berlin' }),
  message('accounts', 'register-sender', ACCOUNT, { sender: SENDER, onboardedAt: '2026-01-01T00:00:00Z' }),
];

/** One message of a customer, which opens the window now. */
export const openerMessage = (customer: number, at: Date): OutgoingMessage =>
  message('inbound-messages', 'message', `${ACCOUNT}.${phoneOf(customer)}`, {
    provider: 'sandbox',
    sender: SENDER,
    customer: { phone: phoneOf(customer) },
    messageId: `opener-${customer}`,
    type: 'text',
    text: 'Where is my parcel?',
    sentAt: at.toISOString(),
  });

/** The intents are replies of this text: about 500 bytes a message with its envelope. */
const text =
  'Hello, and thank you for your message. Your parcel left our warehouse this morning; the courier says that it will be with you tomorrow between nine and twelve.';

/** A reply to a number. @param number makes the intent unique */
const reply = (number: number, phone: string): OutgoingMessage =>
  message('send-intents', 'send', `${ACCOUNT}.${phone}`, {
    customer: { phone },
    intentId: `intent-${number}`,
    sender: SENDER,
    message: { type: 'text', text },
  });

export const replyTo = (customer: number, number: number): OutgoingMessage => reply(number, phoneOf(customer));

/**
 * One reply, to each customer in turn. Of each hundred, `refusedShare` go to customers who never wrote.
 * @param number makes the intent unique
 */
export const intentMessage = (number: number, customers: number, refusedPercent = 0): OutgoingMessage => {
  const customer = number % customers;
  const isStranger = (number * 7) % 100 < refusedPercent;
  return reply(number, isStranger ? String(491_800_000_000 + customer) : phoneOf(customer));
};
