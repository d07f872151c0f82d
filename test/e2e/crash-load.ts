import type { OutgoingMessage } from '#application/ports/message-queue';
import { topicName, type InboundTopic } from '#contracts/topics';
import { HOUR_MS } from '#domain/time';

export const ACCOUNT = 'acme';
export const SENDER = '4930123456';

/** What sort of life a customer leads; each meets other rules. */
export type Sort = 'wrote' | 'stopped' | 'lapsed' | 'opted-in' | 'stranger' | 'waiting';
const sorts: readonly Sort[] = ['wrote', 'wrote', 'wrote', 'lapsed', 'opted-in', 'stranger', 'waiting', 'stopped'];

export interface Story {
  readonly number: number;
  readonly sort: Sort;
  readonly phone: string;
}

export interface Sent {
  readonly story: Story;
  readonly intentId: string;
  readonly message: OutgoingMessage;
}

let ids = 0;
const message = (topic: InboundTopic, kind: string, key: string, data: object): OutgoingMessage => ({
  topic: topicName(topic),
  key,
  value: JSON.stringify({ account: ACCOUNT, ...data }),
  headers: {
    ce_specversion: '1.0',
    ce_id: `crash-${(ids += 1)}`,
    ce_source: '/crash-test',
    ce_type: `tidegate.${topic}.${kind}`,
  },
});

const written = (at: number): string => new Date(at).toISOString();

/** An account as an operator registers it: its senders and what differs from the default policy. */
export const accountMessagesOf = (
  account: string,
  senders: readonly string[],
  overrides: object,
  now: number,
): readonly OutgoingMessage[] => {
  const said = (kind: string, data: object) => message('accounts', kind, account, { account, ...data });
  return [
    said('register-account', { zone: 'Europe/Berlin', at: written(now) }),
    ...senders.map((sender) => said('register-sender', { sender, onboardedAt: '2026-01-01T00:00:00Z' })),
    said('change-policy', { preset: 'sinch-2021', overrides, effectiveAt: '2026-01-01T00:00:00Z' }),
  ];
};

/** Short waits, so that the test sees the ends of attempts that died with their process. */
export const accountMessages = (now: number): readonly OutgoingMessage[] => [
  ...accountMessagesOf(ACCOUNT, [SENDER], { attemptTimeMs: 8_000, retryAfterMs: 200 }, now),
  message('template-approvals', 'notice', ACCOUNT, {
    name: 'receipt',
    language: 'en',
    notice: 'APPROVED',
    category: 'utility',
    at: written(now - HOUR_MS),
  }),
];

export const storiesOf = (customers: number): readonly Story[] =>
  Array.from({ length: customers }, (_, number) => ({
    number,
    sort: sorts[number % sorts.length] ?? 'wrote',
    phone: String(491_700_000_000 + number),
  }));

const keyOf = ({ phone }: Story): string => `${ACCOUNT}.${phone}`;

export const wrote = (story: Story, at: number, text = 'Where is my parcel?'): OutgoingMessage =>
  message('inbound-messages', 'message', keyOf(story), {
    provider: 'sandbox',
    sender: SENDER,
    customer: { phone: story.phone },
    messageId: `${story.number}-${at}`,
    type: 'text',
    text,
    sentAt: written(at),
  });

const optedIn = (story: Story, at: number): OutgoingMessage =>
  message('consents', 'consent', keyOf(story), {
    customer: { phone: story.phone },
    scope: 'all',
    status: 'opted-in',
    at: written(at),
    source: 'web-form',
    reference: `form-${story.number}`,
  });

/** What a customer did before the first intent comes. */
export const pastOf = (story: Story, now: number): readonly OutgoingMessage[] => {
  switch (story.sort) {
    case 'wrote':
      return [wrote(story, now - HOUR_MS)];
    case 'lapsed':
      return [wrote(story, now - 30 * HOUR_MS), optedIn(story, now - 40 * HOUR_MS)];
    case 'opted-in':
      return [optedIn(story, now - HOUR_MS)];
    case 'stopped':
      return [optedIn(story, now - 2 * HOUR_MS), wrote(story, now - HOUR_MS), wrote(story, now - HOUR_MS / 2, 'STOP')];
    case 'stranger':
    case 'waiting':
      return [];
  }
};

const reply = { type: 'text', text: 'Your parcel is on its way.' };
const receipt = { name: 'receipt', language: 'en' };

/** The `turn`-th intent to a customer: replies and templates in turn; those who are waited for are held for. */
export const intentTo = (story: Story, turn: number): Sent => {
  const intentId = `${story.sort}-${turn}`;
  const isTemplate = story.sort === 'opted-in' || (turn % 4 === 3 && story.sort !== 'waiting');
  const terms =
    story.sort === 'waiting'
      ? { whenClosed: 'hold' }
      : turn % 4 === 1
        ? { whenClosed: 'fallback', fallback: receipt }
        : {};
  return {
    story,
    intentId,
    message: message('send-intents', 'send', keyOf(story), {
      customer: { phone: story.phone },
      intentId,
      sender: SENDER,
      message: isTemplate ? { type: 'template', ...receipt } : reply,
      ...terms,
    }),
  };
};

/** Another wish under a used id: to be refused, without a trace in the stream. */
export const impostorOf = ({ story, intentId }: Sent): OutgoingMessage =>
  message('send-intents', 'send', keyOf(story), {
    customer: { phone: story.phone },
    intentId,
    sender: SENDER,
    message: { type: 'text', text: 'Something else.' },
  });
