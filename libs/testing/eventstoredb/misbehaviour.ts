/** What becomes of an append that reaches the server. */
export type AppendFate =
  /** Stored, but the reply never comes. */
  | { readonly kind: 'lose-reply' }
  /** Neither stored nor answered. */
  | { readonly kind: 'lose-request' }
  /** Stored; the reply comes so much later. */
  | { readonly kind: 'delay-reply'; readonly ms: number }
  /** Stored; the reply comes twice. */
  | { readonly kind: 'reply-twice' }
  /** Not stored; answered as by a server that is not ready, which the client takes for an unknown error. */
  | { readonly kind: 'not-ready' };

/** How the server misbehaves at the moment, and what it saw. Tests set these and set them back. */
export class Misbehaviour {
  /** Takes calls and data, answers nothing. */
  silent = false;
  /** Reads and subscriptions send so many events more and then nothing, not even an end. */
  sendsEvents = Infinity;
  /** Fates of the next appends, one each; afterwards appends succeed again. */
  readonly nextAppends: AppendFate[] = [];
  /** Every append is answered so much later. */
  appendLatencyMs = 0;
  /** What the server says of itself. */
  serverVersion = '24.10.0.1234';
  /** Servers before 23.10 never say that a subscription has caught up. */
  announcesCaughtUp = true;
  /** A live subscription has to catch up anew, as when its consumer was too slow. Once. */
  nextFallsBehind = false;
  /** KurrentDB #4970: a live subscription sends a checkpoint that lies behind its next event, and breaks. Once. */
  nextCheckpointSkipsAnEvent = false;

  /** The server's clock is so far ahead of the client's: it sees the client's deadlines as that much nearer. */
  clockAheadMs = 0;

  /** Events that reads and subscriptions sent so far. */
  eventsSent = 0;
  /** The largest number of events that a read asked for. */
  mostAsked = 0;
  /** Appends that came in by the fast path, one stream of calls for all. */
  batchAppends = 0;
  /** Appends that came in by a call of their own. */
  singleAppends = 0;
  /** Appends that wait for their answer now, and at most so far. */
  unanswered = 0;
  mostUnanswered = 0;
}
