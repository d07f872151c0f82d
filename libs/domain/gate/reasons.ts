// Closed lists: stored in events, shown to upstream services, and used as metric labels.

export const refusalReasons = [
  'invalid-intent',
  'intent-conflict',
  'opted-out',
  'recipient-cooldown',
  'window-closed',
  'template-unknown',
  'template-not-approved',
  'template-paused',
  'template-disabled',
  'not-opted-in',
  'awaiting-reply',
  'mau-allowance-exceeded',
  'permit-lapsed',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

export const holdReasons = ['scheduled', 'quiet-hours', 'window-closed', 'template-paused'] as const;
export type HoldReason = (typeof holdReasons)[number];
