import type { Logger } from 'pino';
import type { Engines } from '#apps/composition/engines';
import { followerPart, microservicePart } from '#apps/composition/parts';
import { Customers } from '#application/customers';
import { Directory } from '#application/directory';
import type { SendProvider } from '#application/ports/send-provider';
import { SendMessages } from '#application/send-messages';
import { Situations } from '#application/situations';
import type { Part } from '#platform/lifecycle';
import { runLoop } from '#platform/loops';
import { ProviderModule } from './provider.module.js';

const WATCH_EVERY_MS = 1_000;
const WATCHED_AT_ONCE = 500;
const CONCURRENT_CALLS = 64;

/** Takes permits to the provider; watches attempts without an outcome, pauses that are over and permits that lapsed. */
export const providerParts = (engines: Engines, provider: SendProvider, logger: Logger): Part[] => {
  const { store, readModel, clock, telemetry } = engines;
  const directory = new Directory(store, readModel);
  const customers = new Customers(store, readModel, (streams) => telemetry.conflicted(streams));
  const situations = new Situations(directory, readModel, clock);
  const messages = new SendMessages(customers, directory, situations, readModel, provider, clock, CONCURRENT_CALLS);
  return [
    followerPart('provider directory', (signal, ready) => directory.follow(signal, ready)),
    microservicePart('tidegate-provider', ProviderModule.on(engines, messages), engines, logger),
    followerPart('watch', async (signal, ready) => {
      ready();
      await runLoop({
        name: 'watch',
        everyMs: WATCH_EVERY_MS,
        signal,
        failed: ({ name, error, pauseMs }) => logger.warn({ err: error, pauseMs }, `${name} failed and tries again`),
        run: async () => {
          const due = await readModel.awake(['authorised', 'started'], clock.now(), WATCHED_AT_ONCE);
          await messages.giveUp(due.filter(({ status }) => status === 'started'));
          await messages.run(due.filter(({ status }) => status === 'authorised'));
          return false;
        },
      });
    }),
  ];
};
