export interface Refusal {
  readonly provider: 'sinch' | 'meta';
  /** As in the path: whoever calls may write anything there. */
  readonly account: string;
  readonly reason: 'signature' | 'time' | 'nonce' | 'verify-token';
}

/** Told of each request that was not let in; never of what was in it. */
export abstract class Refusals {
  abstract refused(refusal: Refusal): void;
}
