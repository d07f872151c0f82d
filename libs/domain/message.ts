import type { Instant } from './time.js';

/** What a customer, or something on a customer's behalf, can put into a chat (platforms §2b). */
export const messageTypes = [
  'text',
  'image',
  'audio',
  'video',
  'document',
  'sticker',
  'location',
  'contacts',
  'button',
  'interactive',
  'order',
  'reaction',
  'system',
  'unsupported',
  'edit',
  'revoke',
  'unknown',
] as const;
export type MessageType = (typeof messageTypes)[number];

/** How a message came to be: only what the customer wrote can open a window (rules §3). */
export const messageOrigins = ['customer', 'echo', 'injected'] as const;
export type MessageOrigin = (typeof messageOrigins)[number];

export const callOutcomes = ['answered', 'missed'] as const;
export type CallOutcome = (typeof callOutcomes)[number];

export interface InboundMessage {
  readonly messageType: MessageType;
  readonly origin: MessageOrigin;
  /** The provider's time. */
  readonly at: Instant;
}

/** Notices about the chat, not words of the customer: no policy can let them open a window. */
const notices: ReadonlySet<MessageType> = new Set(['system', 'unsupported', 'unknown', 'edit', 'revoke']);

/** Whether the message opens or restarts the sender's window, under the policy in force at its own time (rules §3). */
export const opensWindow = (
  message: InboundMessage,
  policy: { readonly openers: readonly MessageType[] },
  onboardedAt: Instant,
): boolean => isAuthored(message) && message.at >= onboardedAt && policy.openers.includes(message.messageType);

/** Whether the customer authored it, which makes them active in its month: reactions and STOP too (rules §9). */
export const isAuthored = (message: InboundMessage): boolean =>
  message.origin === 'customer' && !notices.has(message.messageType);

/** Texts and replies can carry a keyword; captions cannot (rules §4). */
const keywordTypes: ReadonlySet<MessageType> = new Set(['text', 'button', 'interactive']);

/** Simple case folding, so that `Stop` and `STOPP` compare equal to the configured words in any language. */
export const folded = (text: string): string => text.trim().normalize('NFC').toUpperCase().toLowerCase();

/** Whether the text is, as a whole, one of the account's opt-out words. */
export const isOptOut = (message: InboundMessage, text: string | undefined, keywords: readonly string[]): boolean =>
  text !== undefined &&
  message.origin === 'customer' &&
  keywordTypes.has(message.messageType) &&
  keywords.some((word) => folded(word) === folded(text));
