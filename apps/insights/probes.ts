/** What the process says of itself. */
export abstract class Probes {
  /** The metrics in the text format of Prometheus. */
  abstract telemetryText(): Promise<string>;
  /** Each part that has to work before requests and messages may come, with `ok` or what is wrong with it. */
  abstract ready(): Promise<Record<string, 'ok' | (string & {})>>;
}
