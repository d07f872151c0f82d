import { InfrastructureError } from '#application/errors';

export interface SandboxOptions {
  /** The same seed draws the same failures, for calls in the same order. */
  readonly seed: number;
  /** Milliseconds that a call takes. */
  readonly latencyMs: number;
  /** Share of the calls, 0 to 1, that fail definitely and may be repeated. */
  readonly failureRate: number;
  /** Share of the calls, 0 to 1, that get no answer; every other one of them was taken all the same. */
  readonly timeoutRate: number;
  /** Share of the delivered messages, 0 to 1, that are read. */
  readonly readRate: number;
  /** Milliseconds of real time by which the sandbox or the gate may hear later than the other of what a customer did. */
  readonly graceMs: number;
  /** Milliseconds of real time between two reports on one message. */
  readonly reportEveryMs: number;
}

const defaults: SandboxOptions = {
  seed: 1,
  latencyMs: 5,
  failureRate: 0,
  timeoutRate: 0,
  readRate: 0.5,
  graceMs: 5_000,
  reportEveryMs: 100,
};
const shares: ReadonlySet<string> = new Set(['failureRate', 'timeoutRate', 'readRate']);

/**
 * Reads options as `latencyMs=5&failureRate=0.05`; what is not named keeps its default.
 * @throws InfrastructureError `config-invalid`, its message beginning with `TIDEGATE_SANDBOX`
 */
export const parseSandboxOptions = (text = ''): SandboxOptions => {
  const options: Record<string, number> = { ...defaults };
  for (const [name, value] of new URLSearchParams(text)) {
    if (!Object.hasOwn(defaults, name)) throw invalid(`${name} is none of ${Object.keys(defaults).join(', ')}`);
    const number = value.trim() === '' ? Number.NaN : Number(value);
    const isShare = shares.has(name);
    if (isShare ? !(number >= 0 && number <= 1) : !Number.isSafeInteger(number) || number < 0) {
      throw invalid(`${name} must be ${isShare ? 'a share from 0 to 1' : 'a whole number from 0 on'}, not "${value}"`);
    }
    options[name] = number;
  }
  return { ...defaults, ...options };
};

const invalid = (what: string): InfrastructureError =>
  new InfrastructureError('config-invalid', `TIDEGATE_SANDBOX: ${what}.`);
