import type { Instant } from '../time.js';

export interface SessionContent {
  readonly kind: 'session';
  readonly messageType: 'text' | 'image' | 'audio' | 'video' | 'document' | 'sticker' | 'location' | 'interactive';
}

export interface TemplateContent {
  readonly kind: 'template';
  readonly name: string;
  readonly language: string;
  /** Names of the parameters that the intent fills; their values are personal. */
  readonly parameters: readonly string[];
}

/** An upstream wish to send, identified by account, customer and `intentId` (rules §2). */
export interface SendIntent {
  readonly intentId: string;
  /** The business phone number to send from. */
  readonly sender: string;
  readonly content: SessionContent | TemplateContent;
  readonly whenClosed: 'refuse' | 'fallback' | 'hold';
  readonly fallback?: TemplateContent | undefined;
  readonly whenPaused: 'refuse' | 'hold';
  readonly purpose?: 'opt-out-confirmation' | undefined;
  readonly sendAt?: Instant | undefined;
  readonly expiresAt?: Instant | undefined;
  /** Meant for an alias that the customer gave up: no window and no opt-in of the present one counts for it (ADR 0020). */
  readonly former?: true | undefined;
  /** A digest of all that the upstream said: two intents are the same only if it is. */
  readonly fingerprint: string;
}

/** What identifies the recipient or quotes somebody: kept apart, so that it can be encrypted and shredded (rules §12). */
export interface IntentPersonal {
  /** The alias to send to, as the upstream gave it. */
  readonly to: { readonly phone?: string | undefined; readonly userId?: string | undefined };
  readonly text?: string | undefined;
  readonly mediaUrl?: string | undefined;
  /** Content of the kinds that are neither text nor media, for example a location. */
  readonly body?: { readonly [key: string]: unknown } | undefined;
  readonly parameters?: { readonly [name: string]: string } | undefined;
  readonly fallbackParameters?: { readonly [name: string]: string } | undefined;
}
