import { SendCommandDto } from '../inbound/send-commands.js';
import type { OutboundTopic } from '../topics.js';
import { DeadWebhookDto } from '../webhooks/dead-webhooks.js';
import { DeadLetterDto } from './dead-letters.js';
import { MauMonthDto, SessionWindowDto } from './analytics.js';
import { SendDecisionDto } from './decision-dto.js';

/** The kinds of messages that Tidegate writes to each topic, with their contracts. */
export const writtenKinds = {
  'send-decisions': [{ name: 'decision', dto: SendDecisionDto }],
  'send-commands': [{ name: 'command', dto: SendCommandDto }],
  'session-windows': [{ name: 'session', dto: SessionWindowDto }],
  mau: [{ name: 'month', dto: MauMonthDto }],
  'dead-letters': [
    { name: 'dead-letter', dto: DeadLetterDto },
    { name: 'webhook', dto: DeadWebhookDto },
  ],
} as const satisfies Record<OutboundTopic, readonly { readonly name: string; readonly dto: new () => object }[]>;
