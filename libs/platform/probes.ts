/** What the process says of itself. */
export abstract class Probes {
  /** The metrics in the text format of Prometheus. */
  abstract telemetryText(): Promise<string>;
  /** Loops that no longer progress: the process is to be started again. Empty when all is well. */
  abstract stalled(): readonly string[];
  /** Each engine that has to answer before requests and messages may come, with `ok` or what is wrong with it. */
  abstract ready(): Promise<Record<string, 'ok' | (string & {})>>;
}
