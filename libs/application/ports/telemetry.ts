import type { Said } from '#domain/gate/events';
import type { ErrorCode } from '../errors.js';
import type { DecisionOutcome } from './read-model.js';

export interface HandledBatch {
  readonly topic: string;
  readonly messages: number;
  readonly durationMs: number;
  /** `failed`: the unfinished messages are delivered again. */
  readonly outcome: 'finished' | 'failed';
}

export interface ProjectedBatch {
  readonly projection: string;
  readonly events: number;
  /** Age of the batch's last event when it was applied. */
  readonly lagMs: number;
}

/** A closed list: labels of a metric. */
export type Alarm =
  /** A message of a type that the gate does not know: it opened nothing. */
  | 'unknown-message-type'
  /** A template event that the gate does not know: it changed nothing. */
  | 'unknown-template-event'
  /** A provider's clock runs ahead: its time was brought back. */
  | 'clamped-time'
  /** A provider sends nothing for an account, or for a sender, until somebody acts: payment, credentials, quality. */
  | 'account-halted'
  | 'sender-blocked';

/** Counts what happens. Labels come from closed lists: never an account, a customer or an id. */
export abstract class Telemetry {
  /** Decisions that were stored. `reason` is one of the rules' reasons, null for an authorisation. */
  abstract decided(outcome: DecisionOutcome, reason: string | null, count: number): void;
  /** Decisions that a late fact proved wrong: what the rules said until then, and what they say with it (ADR 0025). */
  abstract revised(was: Said, withLateFacts: Said): void;
  /** Appends that met another revision than the expected one, and are decided again. */
  abstract conflicted(appends: number): void;
  abstract deadLettered(topic: string, code: ErrorCode, count: number): void;
  /** What a person has to look at (rules §3, §5). */
  abstract alarmed(alarm: Alarm, count: number): void;
  /** Accepted messages that were not reported delivered within the policy's time (rules §12), counted up to some limit. */
  abstract undelivered(messages: number): void;
  /** Messages put aside until other code can handle them. */
  abstract parked(topic: string, count: number): void;
  abstract batchHandled(batch: HandledBatch): void;
  abstract projected(batch: ProjectedBatch): void;
  /** Events between a projection's checkpoint and the end of the log, counted up to some limit. */
  abstract gapped(projection: string, events: number): void;
}
