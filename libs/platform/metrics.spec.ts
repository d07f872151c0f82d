import { expect, test } from '@jest/globals';
import { PrometheusTelemetry } from './metrics.js';

/** The samples without their comments and buckets. */
const samples = async (telemetry: PrometheusTelemetry): Promise<string[]> =>
  (await telemetry.text())
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'));

test('what happens is counted', async () => {
  const telemetry = new PrometheusTelemetry();
  telemetry.decided('authorised', null, 3);
  telemetry.decided('refused', 'window-closed', 2);
  telemetry.decided('refused', 'window-closed', 1);
  telemetry.conflicted(4);
  telemetry.deadLettered('intents', 'message-invalid', 5);
  telemetry.batchHandled({ topic: 'intents', messages: 500, durationMs: 250, outcome: 'finished' });
  telemetry.batchHandled({ topic: 'intents', messages: 20, durationMs: 1_250, outcome: 'finished' });
  telemetry.projected({ projection: 'views', events: 200, lagMs: 9_000 });
  telemetry.projected({ projection: 'views', events: 50, lagMs: 1_500 });
  telemetry.gapped('views', 30);
  telemetry.alarmed('unknown-message-type', 2);
  telemetry.undelivered(7);
  telemetry.parked('intents', 6);
  expect(await samples(telemetry)).toEqual([
    'tidegate_decisions_total{outcome="authorised",reason=""} 3',
    'tidegate_decisions_total{outcome="refused",reason="window-closed"} 3',
    'tidegate_append_conflicts_total 4',
    'tidegate_dead_letters_total{topic="intents",code="message-invalid"} 5',
    'tidegate_alarms_total{alarm="unknown-message-type"} 2',
    'tidegate_undelivered_messages 7',
    'tidegate_parked_messages_total{topic="intents"} 6',
    'tidegate_batch_messages_total{topic="intents",outcome="finished"} 520',
    'tidegate_batch_seconds_sum{topic="intents",outcome="finished"} 1.5',
    'tidegate_batch_seconds_count{topic="intents",outcome="finished"} 2',
    'tidegate_projected_events_total{projection="views"} 250',
    'tidegate_projection_lag_seconds{projection="views"} 1.5',
    'tidegate_projection_gap_events{projection="views"} 30',
  ]);
});

test('two in one process count apart, and only on demand what Node does', async () => {
  const one = new PrometheusTelemetry({ ofProcess: true });
  const other = new PrometheusTelemetry();
  one.conflicted(1);
  expect(await other.text()).toContain('tidegate_append_conflicts_total 0');
  expect(await one.text()).toContain('tidegate_append_conflicts_total 1');
  expect(await one.text()).toContain('process_resident_memory_bytes');
  expect(await other.text()).not.toContain('process_resident_memory_bytes');
});
