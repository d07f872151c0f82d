import type { ProviderEffect } from '#domain/gate/outcome';
import { DAY_MS, HOUR_MS } from '#domain/time';

/** What a refusal means for this message and beyond it. */
export interface Reaction {
  readonly retryable: boolean;
  readonly effect?: ProviderEffect;
}

const rejected: Reaction = { retryable: false };
const transient: Reaction = { retryable: true };
const throughputLimited: Reaction = { retryable: true, effect: { kind: 'throughput-limited' } };
const accountHalted: Reaction = { retryable: false, effect: { kind: 'account-halted', extent: 'account' } };
const senderBlocked: Reaction = { retryable: false, effect: { kind: 'sender-blocked', forMs: HOUR_MS } };
const templateIs = (status: 'paused' | 'disabled' | 'unknown'): Reaction => ({
  retryable: false,
  effect: { kind: 'template-unavailable', status },
});

/** By error code; the titles and the HTTP statuses are not to be relied on (platforms §2d). */
const byCode = new Map<string, Reaction>(
  Object.entries({
    131047: { retryable: false, effect: { kind: 'window-closed' } },
    131050: { retryable: false, effect: { kind: 'opted-out', scope: 'marketing' } },
    // Not on WhatsApp, or an old app. Who writes to us can be reached after all.
    131026: { retryable: false, effect: { kind: 'cooldown', scope: 'all', forMs: 7 * DAY_MS, exceptInWindow: true } },
    131049: { retryable: false, effect: { kind: 'cooldown', scope: 'marketing', forMs: DAY_MS } },
    130472: {
      retryable: false,
      effect: { kind: 'cooldown', scope: 'marketing', forMs: 7 * DAY_MS, exceptInWindow: true },
    },

    132001: templateIs('unknown'),
    132015: templateIs('paused'),
    132016: templateIs('disabled'),

    131056: { retryable: true, effect: { kind: 'pair-limited' } },
    130429: throughputLimited,
    4: throughputLimited,
    80007: throughputLimited,

    // Spam limit; then: number deleted, display name not approved, certificate, not registered.
    131048: senderBlocked,
    33: senderBlocked,
    131037: senderBlocked,
    131045: senderBlocked,
    133010: senderBlocked,

    // Payment; locked; policy; then credentials and permissions.
    131042: accountHalted,
    131031: accountHalted,
    368: accountHalted,
    0: accountHalted,
    3: accountHalted,
    10: accountHalted,
    190: accountHalted,
    131005: accountHalted,
    130497: { retryable: false, effect: { kind: 'account-halted', extent: 'country' } },

    1: transient,
    2: transient,
    131000: transient,
    131016: transient,
    131057: transient,
    133004: transient,
    132069: transient,

    100: rejected,
    131008: rejected,
    131009: rejected,
    131021: rejected,
    131051: rejected,
    131053: rejected,
    131062: rejected,
    132000: rejected,
    132005: rejected,
    132007: rejected,
    132012: rejected,
    132068: rejected,
    134011: rejected,
    135000: rejected,
  } satisfies { readonly [code: string]: Reaction }),
);

/** Permissions have a range of codes. */
const known = (code: string): Reaction | undefined =>
  byCode.get(code) ?? (/^2\d\d$/u.test(code) ? accountHalted : undefined);

/**
 * What to do about an error code, of an answer or of a failed status. An unknown code is a rejection: nothing follows
 * from it, and nothing is sent again.
 */
export const reactionTo = (code: string): Reaction => known(code) ?? rejected;

/**
 * The same for a failure that is reported later. Who was turned away by a limit may come again; what failed on its way
 * may still be delivered, to another device of the customer (platforms §2b), and is not sent again.
 */
export const reactionToReport = (code: string): Reaction => {
  const { retryable, effect } = reactionTo(code);
  return { retryable: retryable && effect !== undefined, ...(effect === undefined ? {} : { effect }) };
};

/** The Graph API's own words for a fault of its servers: they do not say that the message failed. */
const indefinite = new Set(['1', '2']);

/** Undefined: the answer does not tell whether the message was taken. */
export const reactionToAnswer = (status: number, code: string | undefined): Reaction | undefined => {
  if (status >= 500 && code !== undefined && indefinite.has(code)) return undefined;
  const reaction = code === undefined ? undefined : known(code);
  if (reaction !== undefined) return reaction;
  if (status === 401) return accountHalted;
  if (status === 429) return throughputLimited;
  return status < 500 && status !== 408 ? rejected : undefined;
};
