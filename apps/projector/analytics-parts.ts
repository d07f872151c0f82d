import { gapPart } from '#apps/composition/gap';
import { loopPart, soleFollowerPart } from '#apps/composition/parts';
import type { Process } from '#apps/composition/process';
import { CloseMonths } from '#application/analytics/close-months';
import { ANALYTICS, analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import type { Part } from '#platform/lifecycle';
import { paceOf } from './pace.js';

const CLOSE_EVERY_MS = 10_000;

/** Folds the log into sessions, active users and decisions, and closes months. */
export const analyticsParts = (running: Process): Part[] => {
  const { config, engines, logger, heartbeats } = running;
  const { store, analyticsStore, analytics, telemetry, clock } = engines;
  const closeMonths = new CloseMonths(store, analytics, clock);
  return [
    soleFollowerPart(
      'analytics',
      (signal) =>
        new ProjectAnalytics(store, analyticsStore, ({ recordedAt }, events) =>
          telemetry.projected({ projection: ANALYTICS, events, lagMs: Math.max(0, clock.now() - recordedAt) }),
        ).follow(signal, paceOf(config.database.url)),
      logger,
    ),
    gapPart(ANALYTICS, analyticsCategories, async () => (await analytics.checkpoint())?.position, running),
    loopPart(
      { name: 'month closer', everyMs: CLOSE_EVERY_MS, run: () => closeMonths.run().then(() => false) },
      logger,
      heartbeats,
    ),
  ];
};
