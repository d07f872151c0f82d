import { createRequire } from 'node:module';

// After each answer kafkajs asks a connection's queue again a millisecond later, for ever, whether or not anything waits
// in it (tulios/kafkajs#1704, #1556): an idle process of ours took 7 % of a core for that. Here it asks only while
// something waits.

/** The version whose queue is known: that of another one stays as it is. */
const KAFKAJS = '2.2.4';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

let isCalm = false;

/** In all of the process, for connections made from now on as well as before. */
export const calmRequestQueues = (): void => {
  if (isCalm) return;
  isCalm = true;
  const require = createRequire(import.meta.url);
  const { version }: { readonly version: string } = require('kafkajs/package.json');
  if (version !== KAFKAJS) return;
  const { prototype }: { readonly prototype: RequestQueue } = require('kafkajs/src/network/requestQueue/index.js');
  const { scheduleCheckPendingRequests } = prototype;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
};
