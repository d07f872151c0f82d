import type { Clock } from '#application/ports/clock';
import { SendProvider, type ProviderMessage } from '#application/ports/send-provider';
import type { ProviderOutcome } from '#domain/gate/outcome';
import { SECOND_MS } from '#domain/time';
import { postOnce, type Answer } from '#platform/post-once';
import { AccessTokens } from './access-tokens.js';
import { accountHalted, reactionToStatus } from './reactions.js';
import { requestOf } from './request.js';
import type { SinchSettings } from './settings.js';

/** Twice this and twice the token's five seconds, after a 401, are well within the policy's attempt time of 60 s. */
const DEADLINE_MS = 15 * SECOND_MS;

/** Sends through Sinch's Conversation API (platforms §1b). */
export class SinchProvider extends SendProvider {
  readonly #tokens: ReadonlyMap<string, AccessTokens>;

  constructor(
    /** By account. */
    private readonly accounts: ReadonlyMap<string, SinchSettings>,
    private readonly clock: Clock,
    private readonly deadlineMs = DEADLINE_MS,
  ) {
    super();
    this.#tokens = new Map([...accounts].map(([account, settings]) => [account, new AccessTokens(settings, clock)]));
  }

  async send(message: ProviderMessage): Promise<ProviderOutcome> {
    const settings = this.accounts.get(message.account);
    const tokens = this.#tokens.get(message.account);
    const appId = settings?.appOf(message.sender);
    if (settings === undefined || tokens === undefined || appId === undefined)
      return refused('sender-not-configured', "name the sender's app in the account's settings for Sinch");
    const prepared = requestOf(message, appId);
    if (prepared.kind === 'impossible') return refused(prepared.code, prepared.remedy);
    const attempt = () => this.#attempt(settings, tokens, message, prepared.request);
    // Sinch took nothing from whom it did not let in: the token may have been withdrawn before its time.
    return (await attempt()) ?? (await attempt()) ?? withoutAccess;
  }

  /** Undefined: the token was refused. */
  async #attempt(
    { projectId, region, apiUrl = `https://${region}.conversation.api.sinch.com` }: SinchSettings,
    tokens: AccessTokens,
    { validUntil }: ProviderMessage,
    request: object,
  ): Promise<ProviderOutcome | undefined> {
    const access = await tokens.current();
    if (access.kind === 'denied') return withoutAccess;
    if (access.kind === 'unavailable') return { kind: 'failed', code: 'token-unavailable', retryable: true };
    // Sinch may queue for hours (platforms §1b): it must drop what the permit no longer covers. "0s" is no ttl.
    const ttlSeconds = Math.floor((validUntil - this.clock.now()) / SECOND_MS);
    if (ttlSeconds < 1) return { kind: 'failed', code: 'permit-lapsed', retryable: false };
    const answer = await postOnce({
      url: `${apiUrl}/v1/projects/${projectId}/messages:send`,
      headers: { authorization: `Bearer ${access.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...request, ttl: `${ttlSeconds}s` }),
      deadlineMs: this.deadlineMs,
    });
    if (answer.kind === 'answered' && answer.status === 401) {
      tokens.forget(access.token);
      return undefined;
    }
    return outcomeOf(answer);
  }
}

const refused = (code: string, remedy: string): ProviderOutcome => ({
  kind: 'failed',
  code,
  retryable: false,
  remedy,
});

const withoutAccess: ProviderOutcome = {
  kind: 'failed',
  code: 'UNAUTHENTICATED',
  ...accountHalted,
  remedy: "give the account's settings for Sinch a valid access key",
};

const outcomeOf = (answer: Answer): ProviderOutcome => {
  if (answer.kind === 'not-sent') return { kind: 'failed', code: 'not-connected', retryable: true };
  if (answer.kind === 'unknown') return { kind: 'unknown', cause: answer.cause };
  const { status, json } = answer;
  if (status >= 200 && status < 300) {
    const id = textAt(json, 'message_id');
    return id === undefined
      ? { kind: 'unknown', cause: 'taken, but without a message id' }
      : { kind: 'accepted', providerMessageId: id };
  }
  const reaction = reactionToStatus(status);
  return reaction === undefined
    ? { kind: 'unknown', cause: `http-${status}` }
    : { kind: 'failed', code: textAt(partAt(json, 'error'), 'status') ?? `http-${status}`, ...reaction };
};

const partAt = (json: unknown, field: string): unknown =>
  typeof json === 'object' && json !== null ? Reflect.get(json, field) : undefined;

/** Of at most as many characters as the contract takes. */
const textAt = (json: unknown, field: string): string | undefined => {
  const value = partAt(json, field);
  return typeof value === 'string' && /^\P{Cc}{1,256}$/u.test(value) ? value : undefined;
};
