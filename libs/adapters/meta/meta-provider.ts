import type { Clock } from '#application/ports/clock';
import { SendProvider, type ProviderAnswer, type ProviderMessage } from '#application/ports/send-provider';
import { SECOND_MS } from '#domain/time';
import { postOnce, type Answer } from '#platform/post-once';
import { reactionToAnswer } from './reactions.js';
import { requestOf } from './request.js';
import type { MetaSettings } from './settings.js';

const API_URL = 'https://graph.facebook.com';
/** Well within the policy's attempt time of 60 s. */
const DEADLINE_MS = 30 * SECOND_MS;

/** Sends through Meta's WhatsApp Cloud API (platforms §2). */
export class MetaProvider extends SendProvider {
  constructor(
    /** By account. */
    private readonly accounts: ReadonlyMap<string, MetaSettings>,
    private readonly clock: Clock,
    private readonly deadlineMs = DEADLINE_MS,
  ) {
    super();
  }

  async send(message: ProviderMessage): Promise<ProviderAnswer> {
    const settings = this.accounts.get(message.account);
    const phoneNumberId = settings?.phoneNumberIdOf(message.sender);
    if (settings === undefined || phoneNumberId === undefined) {
      const remedy = "name the sender's phone number id in the account's settings for Meta";
      return { kind: 'failed', code: 'sender-not-configured', retryable: false, remedy };
    }
    const prepared = requestOf(message);
    if (prepared.kind === 'impossible') {
      const { code, remedy } = prepared;
      return { kind: 'failed', code, retryable: false, remedy };
    }
    // The API takes no time to live for session messages, so the last look at the clock is here.
    if (this.clock.now() >= message.validUntil) return { kind: 'failed', code: 'permit-lapsed', retryable: false };
    const { apiUrl = API_URL, apiVersion, accessToken } = settings;
    return outcomeOf(
      await postOnce({
        url: `${apiUrl}/${apiVersion}/${phoneNumberId}/messages`,
        headers: { authorization: `Bearer ${accessToken.reveal()}`, 'content-type': 'application/json' },
        body: JSON.stringify(prepared.request),
        deadlineMs: this.deadlineMs,
      }),
      message.to,
    );
  }
}

const outcomeOf = (answer: Answer, to: ProviderMessage['to']): ProviderAnswer => {
  if (answer.kind === 'not-sent') return { kind: 'failed', code: 'not-connected', retryable: true };
  if (answer.kind === 'unknown') return { kind: 'unknown', cause: answer.cause };
  const { status, json } = answer;
  if (status >= 200 && status < 300) {
    const id = messageIdOf(json);
    return id === undefined
      ? { kind: 'unknown', cause: 'taken, but without a message id' }
      : { kind: 'accepted', providerMessageId: id, alsoKnownAs: otherNamesIn(json, to) };
  }
  const code = errorCodeOf(json);
  const reaction = reactionToAnswer(status, code);
  return reaction === undefined
    ? { kind: 'unknown', cause: code === undefined ? `http-${status}` : `http-${status}, code ${code}` }
    : { kind: 'failed', code: code ?? `http-${status}`, ...reaction };
};

const partAt = (json: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (part, key) => (typeof part === 'object' && part !== null ? Reflect.get(part, key) : undefined),
    json,
  );

/** Also of a message that Meta holds back to assess its quality: that it was sent is for a status to tell (platforms §2e). */
const messageIdOf = (json: unknown): string | undefined => {
  const id = partAt(json, 'messages', 0, 'id');
  return typeof id === 'string' && /^\P{Cc}{1,256}$/u.test(id) ? id : undefined;
};

/**
 * `wa_id` may differ from the number that was given, as in Brazil and Mexico: the number stays as given, and both are
 * one person (case 24).
 */
const otherNamesIn = (json: unknown, { phone, userId }: ProviderMessage['to']): ProviderAnswer['alsoKnownAs'] => {
  // Of several contacts nobody says which one it is.
  if (partAt(json, 'contacts', 1) !== undefined) return undefined;
  const [waId, ownId] = ['wa_id', 'user_id'].map((name) => partAt(json, 'contacts', 0, name));
  const number = typeof waId === 'string' && /^[1-9]\d{5,14}$/u.test(waId) ? waId : undefined;
  const id = typeof ownId === 'string' && /^\P{Cc}{1,256}$/u.test(ownId) ? ownId : undefined;
  const others = {
    ...(number === undefined || number === phone?.replace(/^\+/u, '') ? {} : { phone: number }),
    ...(id === undefined || id === userId ? {} : { userId: id }),
  };
  return Object.keys(others).length === 0 ? undefined : others;
};

const errorCodeOf = (json: unknown): string | undefined => {
  const code = partAt(json, 'error', 'code');
  return typeof code === 'number' && Number.isInteger(code) ? String(code) : undefined;
};
