import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ErrorCode } from '#application/errors';
import type { DecisionOutcome } from '#application/ports/read-model';
import type { Said } from '#domain/gate/events';
import { type Alarm, type HandledBatch, type ProjectedBatch, Telemetry } from '#application/ports/telemetry';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface MetricDescription {
  readonly name: string;
  readonly kind: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Counts for Prometheus, in a registry of its own. */
export class PrometheusTelemetry extends Telemetry {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];

  readonly #decisions = new Counter({
    name: 'tidegate_decisions_total',
    help: 'Stored decisions on send intents',
    labelNames: ['outcome', 'reason'],
    registers: this.#registers,
  });
  readonly #revised = new Counter({
    name: 'tidegate_verdicts_revised_total',
    help: 'Stored decisions that a late fact proved wrong, by what the rules said before it and with it',
    labelNames: ['outcome', 'reason', 'revised_outcome', 'revised_reason'],
    registers: this.#registers,
  });
  readonly #conflicts = new Counter({
    name: 'tidegate_append_conflicts_total',
    help: 'Appends that met another revision than the expected one',
    registers: this.#registers,
  });
  readonly #deadLetters = new Counter({
    name: 'tidegate_dead_letters_total',
    help: 'Messages put aside as dead letters',
    labelNames: ['topic', 'code'],
    registers: this.#registers,
  });
  readonly #alarms = new Counter({
    name: 'tidegate_alarms_total',
    help: 'What a person has to look at: messages and template events of unknown types, clocks that run ahead, accounts and senders that a provider refuses',
    labelNames: ['alarm'],
    registers: this.#registers,
  });
  readonly #undelivered = new Gauge({
    name: 'tidegate_undelivered_messages',
    help: 'Accepted messages without a delivery within the time of their policies, counted up to 500',
    registers: this.#registers,
  });
  readonly #parked = new Counter({
    name: 'tidegate_parked_messages_total',
    help: 'Messages put aside because of a bug, and those that follow them under their keys',
    labelNames: ['topic'],
    registers: this.#registers,
  });
  readonly #messages = new Counter({
    name: 'tidegate_batch_messages_total',
    help: 'Messages in handled batches; those of failed batches come again',
    labelNames: ['topic', 'outcome'],
    registers: this.#registers,
  });
  readonly #batchSeconds = new Histogram({
    name: 'tidegate_batch_seconds',
    help: 'Time to handle a batch of messages',
    labelNames: ['topic', 'outcome'],
    buckets: SECONDS,
    registers: this.#registers,
  });
  readonly #projected = new Counter({
    name: 'tidegate_projected_events_total',
    help: 'Events applied to a projection',
    labelNames: ['projection'],
    registers: this.#registers,
  });
  readonly #lag = new Gauge({
    name: 'tidegate_projection_lag_seconds',
    help: 'Age of the last applied event when it was applied',
    labelNames: ['projection'],
    registers: this.#registers,
  });

  readonly #gap = new Gauge({
    name: 'tidegate_projection_gap_events',
    help: 'Events between the checkpoint and the end of the log, counted up to 10,000',
    labelNames: ['projection'],
    registers: this.#registers,
  });

  /** @param ofProcess also counts what Node itself does: memory, event loop, garbage collection; once per process */
  constructor({ ofProcess = false }: { readonly ofProcess?: boolean } = {}) {
    super();
    if (ofProcess) collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics as Prometheus reads them. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** What there is to read, in the order of `text`. */
  describe(): readonly MetricDescription[] {
    return this.#registry
      .getMetricsAsArray()
      .map((metric) => ({ name: metric.name, kind: String(metric.type), help: metric.help, labels: labelsOf(metric) }));
  }

  decided(outcome: DecisionOutcome, reason: string | null, count: number): void {
    this.#decisions.inc({ outcome, reason: reason ?? '' }, count);
  }

  revised(was: Said, { outcome, reason = '' }: Said): void {
    this.#revised.inc({
      outcome: was.outcome,
      reason: was.reason ?? '',
      revised_outcome: outcome,
      revised_reason: reason,
    });
  }

  conflicted(appends: number): void {
    this.#conflicts.inc(appends);
  }

  deadLettered(topic: string, code: ErrorCode, count: number): void {
    this.#deadLetters.inc({ topic, code }, count);
  }

  alarmed(alarm: Alarm, count: number): void {
    this.#alarms.inc({ alarm }, count);
  }

  undelivered(messages: number): void {
    this.#undelivered.set(messages);
  }

  parked(topic: string, count: number): void {
    this.#parked.inc({ topic }, count);
  }

  batchHandled({ topic, messages, durationMs, outcome }: HandledBatch): void {
    this.#messages.inc({ topic, outcome }, messages);
    this.#batchSeconds.observe({ topic, outcome }, durationMs / 1_000);
  }

  projected({ projection, events, lagMs }: ProjectedBatch): void {
    this.#projected.inc({ projection }, events);
    this.#lag.set({ projection }, lagMs / 1_000);
  }

  gapped(projection: string, events: number): void {
    this.#gap.set({ projection }, events);
  }
}

/** prom-client's types leave them out. */
const labelsOf = (metric: object): readonly string[] =>
  'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : [];
