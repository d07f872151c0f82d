import type { Process } from '#apps/composition/process';
import { loopPart, microservicePart } from '#apps/composition/parts';
import { SendMessages } from '#application/send-messages';
import type { Part } from '#platform/lifecycle';
import type { ChosenProvider } from './chosen-provider.js';
import { ProviderModule } from './provider.module.js';
import { RoutingProvider } from './routing.js';
import { sandbox } from './sandbox.js';
import { providerSettingsOf } from './settings.js';

const WATCH_EVERY_MS = 1_000;
const WATCHED_AT_ONCE = 500;
const CONCURRENT_CALLS = 64;

/** Takes permits to the provider; watches attempts without an outcome, pauses that are over and permits that lapsed. */
export const providerParts = (running: Process): Part[] => {
  const { config, engines, gate, logger, heartbeats } = running;
  const { readModel, clock, telemetry } = engines;
  const { customers, directory, situations } = gate;
  const settings = providerSettingsOf(config);
  const { provider, parts }: ChosenProvider =
    settings === undefined ? sandbox(running) : { provider: new RoutingProvider(settings, clock), parts: [] };
  const messages = new SendMessages(customers, directory, situations, readModel, provider, clock, CONCURRENT_CALLS);
  const watch = async (): Promise<boolean> => {
    const due = await readModel.awake(['authorised', 'started'], clock.now(), WATCHED_AT_ONCE);
    await messages.giveUp(due.filter(({ status }) => status === 'started'));
    await messages.run(due.filter(({ status }) => status === 'authorised'));
    telemetry.undelivered((await readModel.awake(['accepted'], clock.now(), WATCHED_AT_ONCE)).length);
    return false;
  };
  return [
    ...parts,
    gate.part,
    microservicePart('tidegate-provider', ProviderModule.on(engines, messages), engines, logger),
    loopPart({ name: 'watch', everyMs: WATCH_EVERY_MS, run: watch }, logger, heartbeats),
  ];
};
