import { DAY_MS, HOUR_MS, MINUTE_MS, plus, type Instant } from '#domain/time';
import type { OutgoingMessage } from '#application/ports/message-queue';
import { topicName, type InboundTopic } from '#contracts/topics';

/** What happens at an instant of the sample day: a message on a topic, as any client could publish it. */
export interface Happening {
  readonly at: Instant;
  readonly message: OutgoingMessage;
}

const ACCOUNT = 'acme';
const SENDER = '4930123456';
const CUSTOMERS = 24;

const phoneOf = (customer: number): string => `+49170${String(5_550_000 + customer)}`;
const written = (at: Instant): string => new Date(at).toISOString();

/** A day of a small shop, in the order of time: two days of facts, so that windows close and templates continue. */
export const sampleDay = (from: Instant): readonly Happening[] => {
  const happenings: Happening[] = [];
  const happens = (
    afterMs: number,
    topic: InboundTopic,
    kind: string,
    data: { readonly [field: string]: unknown },
    key = ACCOUNT,
  ): void => {
    const at = plus(from, afterMs);
    happenings.push({
      at,
      message: {
        topic: topicName(topic),
        key,
        value: JSON.stringify({ account: ACCOUNT, ...data }),
        headers: {
          ce_specversion: '1.0',
          ce_id: `day-${happenings.length}-${from}`,
          ce_source: '/sample-day',
          ce_type: `tidegate.${topic}.${kind}`,
        },
      },
    });
  };
  const writes = (afterMs: number, customer: number, text: string): void =>
    happens(
      afterMs,
      'inbound-messages',
      'message',
      {
        provider: 'sandbox',
        sender: SENDER,
        customer: { phone: phoneOf(customer) },
        messageId: `m-${customer}-${afterMs}`,
        type: 'text',
        text,
        sentAt: written(plus(from, afterMs)),
      },
      phoneOf(customer),
    );
  const intends = (afterMs: number, customer: number, intentId: string, message: object, terms: object = {}): void =>
    happens(
      afterMs,
      'send-intents',
      'send',
      { customer: { phone: phoneOf(customer) }, intentId, sender: SENDER, message, ...terms },
      phoneOf(customer),
    );
  const notices = (afterMs: number, name: string, notice: string, category: string): void =>
    happens(afterMs, 'template-approvals', 'notice', {
      name,
      language: 'en',
      notice,
      category,
      at: written(plus(from, afterMs)),
    });
  const reply = { type: 'text', text: 'Your parcel is on its way.' };
  const offer = { type: 'template', name: 'autumn_offer', language: 'en' };
  const receipt = { name: 'receipt', language: 'en' };

  happens(0, 'accounts', 'register-account', { zone: 'Europe/Berlin', at: written(from) });
  happens(1_000, 'accounts', 'register-sender', { sender: SENDER, onboardedAt: written(plus(from, -DAY_MS)) });
  notices(10_000, 'receipt', 'APPROVED', 'utility');
  notices(11_000, 'autumn_offer', 'APPROVED', 'marketing');
  for (let customer = 0; customer < CUSTOMERS; customer += 1) {
    const opensAt = HOUR_MS + customer * 7 * MINUTE_MS;
    if (customer % 2 === 0) {
      happens(
        30_000 + customer,
        'consents',
        'consent',
        {
          customer: { phone: phoneOf(customer) },
          scope: 'all',
          status: 'opted-in',
          at: written(plus(from, 30_000 + customer)),
          source: 'web-form',
          reference: `form-${customer}`,
        },
        phoneOf(customer),
      );
    }
    if (customer % 3 !== 2) writes(opensAt, customer, 'Where is my parcel?');
    intends(
      opensAt + 5 * MINUTE_MS,
      customer,
      `reply-${customer}`,
      reply,
      customer % 6 === 5 ? { whenClosed: 'hold' } : {},
    );
    if (customer % 8 === 0) writes(6 * HOUR_MS + customer * MINUTE_MS, customer, 'STOP');
    if (customer % 6 === 5) writes(9 * HOUR_MS + customer * MINUTE_MS, customer, 'Hello again');
    intends(12 * HOUR_MS + customer * MINUTE_MS, customer, 'autumn-campaign', offer, { whenPaused: 'hold' });
    intends(30 * HOUR_MS + customer * MINUTE_MS, customer, `follow-up-${customer}`, reply, {
      whenClosed: 'fallback',
      fallback: receipt,
    });
    intends(31 * HOUR_MS + customer * MINUTE_MS, customer, `reminder-${customer}`, { type: 'template', ...receipt });
  }
  notices(12 * HOUR_MS + 8 * MINUTE_MS + 30_000, 'autumn_offer', 'PAUSED', 'marketing');
  notices(15 * HOUR_MS, 'autumn_offer', 'APPROVED', 'marketing');
  return happenings.toSorted((a, b) => a.at - b.at);
};
