import { kafkajsInternals } from './kafkajs-internals.js';

// After each answer kafkajs asks a connection's queue again a millisecond later, for ever, whether or not anything waits
// in it (tulios/kafkajs#1704, #1556): an idle process of ours took 7 % of a core for that. Here it asks only while
// something waits.

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

let isCalm = false;

/** In all of the process, for connections made from now on as well as before. */
export const calmRequestQueues = (): void => {
  if (isCalm) return;
  isCalm = true;
  const internals = kafkajsInternals();
  if (internals === undefined) return;
  const { prototype }: { readonly prototype: RequestQueue } = internals('kafkajs/src/network/requestQueue/index.js');
  const { scheduleCheckPendingRequests } = prototype;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
};
