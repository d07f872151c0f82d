import type { ProviderEffect } from '#domain/gate/outcome';
import { DAY_MS, HOUR_MS } from '#domain/time';

/** What a refusal means for this message and beyond it. */
export interface Reaction {
  readonly retryable: boolean;
  readonly effect?: ProviderEffect;
}

const rejected: Reaction = { retryable: false };
const transient: Reaction = { retryable: true };
const windowClosed: Reaction = { retryable: false, effect: { kind: 'window-closed' } };
const throughputLimited: Reaction = { retryable: true, effect: { kind: 'throughput-limited' } };
export const accountHalted: Reaction = { retryable: false, effect: { kind: 'account-halted', extent: 'account' } };
const senderBlocked: Reaction = { retryable: false, effect: { kind: 'sender-blocked', forMs: HOUR_MS } };
const templateIs = (status: 'paused' | 'disabled' | 'unknown'): Reaction => ({
  retryable: false,
  effect: { kind: 'template-unavailable', status },
});
const optedOut = (scope: 'all' | 'marketing'): Reaction => ({
  retryable: false,
  effect: { kind: 'opted-out', scope },
});
/** Who writes to us can be reached after all. */
const unreachable: Reaction = {
  retryable: false,
  effect: { kind: 'cooldown', scope: 'all', forMs: 7 * DAY_MS, exceptInWindow: true },
};

/** By reason of a delivery report (platforms §1b). */
const byReason = new Map<string, Reaction>(
  Object.entries({
    OUTSIDE_ALLOWED_SENDING_WINDOW: windowClosed,
    RECIPIENT_NOT_OPTED_IN: optedOut('all'),
    RECIPIENT_NOT_REACHABLE: unreachable,
    RECIPIENT_INVALID_CHANNEL_IDENTITY: unreachable,
    TEMPLATE_NOT_FOUND: templateIs('unknown'),
    TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION: templateIs('unknown'),
    TEMPLATE_INSUFFICIENT_PARAMETERS: rejected,
    RATE_LIMITED: throughputLimited,
    INACTIVE_CREDENTIAL: senderBlocked,
    CHANNEL_BAD_CONFIGURATION: senderBlocked,
    CHANNEL_CONFIGURATION_MISSING: senderBlocked,
    UNKNOWN_APP: senderBlocked,
    NO_PERMISSION: accountHalted,
    INTERNAL_ERROR: transient,
    CHANNEL_FAILURE: transient,
    CHANNEL_REJECT: rejected,
    DELIVERY_REJECTED_DUE_TO_POLICY: rejected,
    DELIVERY_TIMED_OUT: rejected,
    DELIVERY_REPORT_TIME_OUT: rejected,
    MESSAGE_EXPIRED: rejected,
    NO_CHANNELS_LEFT: rejected,
    MEDIA_TYPE_UNSUPPORTED: rejected,
    MEDIA_TOO_LARGE: rejected,
    MEDIA_NOT_REACHABLE: rejected,
    MESSAGE_SPLIT_REQUIRED: rejected,
    UNSUPPORTED_OPERATION: rejected,
    BAD_REQUEST: rejected,
    CONTACT_NOT_FOUND: rejected,
    NO_CHANNEL_IDENTITY_FOR_CONTACT: rejected,
    NO_PROFILE_AVAILABLE: rejected,
    UNKNOWN: rejected,
  }),
);

/** WhatsApp's own codes, which Sinch passes on as `channel_code`, where its reason says less (platforms §2d). */
const byChannelCode = new Map<string, Reaction>(
  Object.entries({
    131047: windowClosed,
    131026: unreachable,
    131049: { retryable: false, effect: { kind: 'cooldown', scope: 'marketing', forMs: DAY_MS } },
    131050: optedOut('marketing'),
    130472: {
      retryable: false,
      effect: { kind: 'cooldown', scope: 'marketing', forMs: 7 * DAY_MS, exceptInWindow: true },
    },
    131048: senderBlocked,
    130429: throughputLimited,
    131056: { retryable: true, effect: { kind: 'pair-limited' } },
    131042: accountHalted,
    131031: accountHalted,
    368: accountHalted,
    130497: { retryable: false, effect: { kind: 'account-halted', extent: 'country' } },
    132001: templateIs('unknown'),
    132015: templateIs('paused'),
    132016: templateIs('disabled'),
  }),
);

/** By HTTP status of the send API (platforms §1b). */
const byStatus = new Map<number, Reaction>([
  [403, accountHalted],
  // No such project or app at this region's host.
  [404, senderBlocked],
  [429, throughputLimited],
  [501, rejected],
]);

/**
 * What to do about a refusal, by the reason of a delivery report or by the channel's code. An unknown code is a
 * rejection: nothing follows from it, and nothing is sent again.
 */
export const reactionTo = (code: string): Reaction => byReason.get(code) ?? byChannelCode.get(code) ?? rejected;

/**
 * The same for a failure that is reported later. Who was turned away by a limit may come again; what failed on its way
 * may still be delivered, to another device of the customer (platforms §2b), and is not sent again.
 */
export const reactionToReport = (code: string): Reaction => {
  const { retryable, effect } = reactionTo(code);
  return { retryable: retryable && effect !== undefined, ...(effect === undefined ? {} : { effect }) };
};

/** The code that says most: the channel's own where it is known, else Sinch's reason. */
export const codeOf = (reason: { readonly code?: string; readonly channelCode?: string }): string =>
  reason.channelCode !== undefined && byChannelCode.has(reason.channelCode)
    ? reason.channelCode
    : (reason.code ?? 'UNKNOWN');

/** Undefined: the answer does not tell whether the message was taken. */
export const reactionToStatus = (status: number): Reaction | undefined =>
  byStatus.get(status) ?? (status < 500 && status !== 408 ? rejected : undefined);
