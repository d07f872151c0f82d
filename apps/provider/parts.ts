import type { Process } from '#apps/composition/process';
import { loopPart, microservicePart } from '#apps/composition/parts';
import { Pacing, platformLimits, type PlatformLimits, type Sending } from '#application/pacing';
import { RecordChanges } from '#application/record-changes';
import { RecordReports } from '#application/record-reports';
import { SettleOutcomes } from '#application/settle-outcomes';
import { SendMessages } from '#application/send-messages';
import { TemplateRefusals } from '#application/template-refusals';
import { WaitingSends } from '#application/waiting-sends';
import type { Failure } from '#domain/gate/outcome';
import type { Part } from '#platform/lifecycle';
import type { ChosenProvider } from './chosen-provider.js';
import { ProvenAliases } from './proven-aliases.js';
import { ProviderModule } from './provider.module.js';
import { RoutingProvider } from './routing.js';
import { sandbox } from './sandbox.js';
import { providerSettingsOf, type ProviderSettings } from './settings.js';

const WATCH_EVERY_MS = 1_000;
const WATCHED_AT_ONCE = 500;
/** For permits that nobody acted on; those that wait here are due too, and are skipped. */
const RECOVER_EVERY_MS = 5_000;
/** As fine as a sender's burst is spread (ADR 0017). */
const TURN_EVERY_MS = 50;
const CONCURRENT_CALLS = 256;
const TELL_ALIASES_EVERY_MS = 1_000;

/** Takes permits to the provider; watches attempts without an outcome, pauses that are over and permits that lapsed. */
export const providerParts = (running: Process): Part[] => {
  const { config, engines, gate, logger, heartbeats } = running;
  const { store, readModel, clock, telemetry } = engines;
  const settings = providerSettingsOf(config);
  const { provider, parts }: ChosenProvider =
    settings === undefined ? sandbox(running) : { provider: new RoutingProvider(settings, clock), parts: [] };
  const { customers, directory, situations } = gate;
  const pacing = new Pacing(limitsOf(settings));
  const waiting = new WaitingSends();
  const templates = new TemplateRefusals(directory, new RecordChanges(store));
  const failed = (sending: Sending, { code, effect, remedy }: Failure): void => {
    if (effect?.kind === 'account-halted' || effect?.kind === 'sender-blocked') telemetry.alarmed(effect.kind, 1);
    else if (remedy === undefined) return;
    const { account, sender } = sending;
    logger.warn({ account, sender, code, effect: effect?.kind, remedy }, 'the provider refuses until somebody acts');
  };
  const aliases = new ProvenAliases(engines.identity, engines.producer, clock);
  const messages = new SendMessages({
    customers,
    directory,
    situations,
    provider,
    pacing,
    waiting,
    templates,
    clock,
    failed,
    identified: (message, others) => aliases.learn(message, others),
    concurrency: CONCURRENT_CALLS,
  });
  const reports = new RecordReports(customers, situations, readModel, templates, clock, (sending, failure) => {
    if (failure === undefined) return;
    const { retryable = false } = failure;
    pacing.noted(sending, { kind: 'failed', ...failure, retryable }, clock.now());
    failed(sending, failure);
  });
  const settlements = new SettleOutcomes(customers, situations);
  const watch = async (): Promise<boolean> => {
    await messages.giveUp(await readModel.awake(['started'], clock.now(), WATCHED_AT_ONCE));
    telemetry.undelivered((await readModel.awake(['accepted'], clock.now(), WATCHED_AT_ONCE)).length);
    return false;
  };
  const recover = async (): Promise<boolean> => {
    if (!waiting.hasRoom) return false;
    const due = await readModel.awake(['authorised'], clock.now(), WATCHED_AT_ONCE + waiting.size);
    await messages.run(due.filter((key) => !waiting.has(key)));
    return false;
  };
  const tellAliases = async (): Promise<boolean> => {
    await aliases.publish();
    return false;
  };
  return [
    ...parts,
    gate.part,
    { name: 'calls', start: () => Promise.resolve(), stop: () => messages.idle() },
    microservicePart(
      'tidegate-provider',
      ProviderModule.on(engines, { messages, reports, settlements }),
      engines,
      logger,
    ),
    loopPart({ name: 'watch', everyMs: WATCH_EVERY_MS, run: watch }, logger, heartbeats),
    loopPart({ name: 'turns', everyMs: TURN_EVERY_MS, run: () => messages.runWaiting() }, logger, heartbeats),
    loopPart({ name: 'aliases', everyMs: TELL_ALIASES_EVERY_MS, run: tellAliases }, logger, heartbeats),
    loopPart({ name: 'recovery', everyMs: RECOVER_EVERY_MS, run: recover }, logger, heartbeats),
  ];
};

/** The sandbox has no throughput to keep; a real sender has its account's. */
const limitsOf = (settings: ProviderSettings | undefined): PlatformLimits => ({
  ...platformLimits,
  perSecond: ({ account, sender }) => {
    const [sinch, meta] = [settings?.sinch.get(account), settings?.meta.get(account)];
    const perSecond = sinch?.appOf(sender) === undefined ? meta?.perSecond : sinch.perSecond;
    return perSecond ?? Number.POSITIVE_INFINITY;
  },
});
