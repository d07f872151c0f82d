import { gapPart } from '#apps/composition/gap';
import { loopPart, soleFollowerPart } from '#apps/composition/parts';
import type { Process } from '#apps/composition/process';
import { CloseMonths } from '#application/analytics/close-months';
import { ANALYTICS, analyticsCategories, ProjectAnalytics } from '#application/analytics/project-analytics';
import { PublishAnalytics } from '#application/analytics/publish-analytics';
import { REVISER, ReviseVerdicts } from '#application/revise-verdicts';
import { analyticsMessages } from '#contracts/outbound/analytics';
import type { Part } from '#platform/lifecycle';
import { runLoop } from '#platform/loops';
import { paceOf } from './pace.js';

const CLOSE_EVERY_MS = 10_000;
const PUBLISH_EVERY_MS = 1_000;
const REVISE_EVERY_MS = 1_000;
const SOURCE = '/tidegate/projector';

/**
 * Folds the log into sessions, active users and decisions, tells the topics what changed, closes months, and says which
 * decisions late facts prove wrong.
 */
export const analyticsParts = (running: Process, isGateBehind: () => boolean): Part[] => {
  const { config, engines, logger, heartbeats } = running;
  const { store, readModel, views, analyticsStore, analytics, producer, telemetry, clock } = engines;
  const publish = new PublishAnalytics(analytics, views, producer, (news) =>
    analyticsMessages(news, { source: SOURCE, at: clock.now() }),
  );
  const reviseVerdicts = new ReviseVerdicts(store, readModel, views, analytics, ({ was, withLateFacts }) =>
    telemetry.revised(was, withLateFacts),
  );
  const closeMonths = new CloseMonths(store, analytics, clock);
  return [
    soleFollowerPart(
      'analytics',
      (signal) =>
        new ProjectAnalytics(store, analyticsStore, ({ recordedAt }, events) =>
          telemetry.projected({ projection: ANALYTICS, events, lagMs: Math.max(0, clock.now() - recordedAt) }),
        ).follow(signal, paceOf(config.database.url, isGateBehind)),
      logger,
    ),
    gapPart(ANALYTICS, analyticsCategories, async () => (await analytics.checkpoint())?.position, running),
    soleFollowerPart(
      'analytics publisher',
      (signal) => runLoop({ name: 'analytics publisher', everyMs: PUBLISH_EVERY_MS, signal, run: () => publish.run() }),
      logger,
    ),
    soleFollowerPart(
      REVISER,
      (signal) => runLoop({ name: REVISER, everyMs: REVISE_EVERY_MS, signal, run: () => reviseVerdicts.run() }),
      logger,
    ),
    loopPart(
      { name: 'month closer', everyMs: CLOSE_EVERY_MS, run: () => closeMonths.run().then(() => false) },
      logger,
      heartbeats,
    ),
  ];
};
