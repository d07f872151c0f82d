import type { SASLOptions } from 'kafkajs';
import { InfrastructureError } from '#application/errors';

/** What a `kafka://` URL says. Durations in milliseconds. */
export interface KafkaSettings {
  /** `host:port` of the brokers to ask first. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls: boolean;
  readonly sasl: SASLOptions | undefined;
  /** Of the topics that are made. */
  readonly partitions: number;
  /** Of the topics that are made; -1 leaves it to the broker. */
  readonly replicas: number;
  /** A member that is silent for so long has left its group. */
  readonly sessionTimeoutMs: number;
  /** How long `stop` lets running batches end. */
  readonly stopTimeoutMs: number;
  /** A consumer that heard nothing from Kafka for so long is dead. */
  readonly deadAfterMs: number;
}

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const defaults = {
  clientId: 'tidegate',
  tls: 'false',
  sasl: '',
  partitions: '8',
  replicas: '-1',
  sessionTimeoutMs: '30000',
  stopTimeoutMs: '10000',
  deadAfterMs: '120000',
};
type Parameter = keyof typeof defaults;

/**
 * Reads `kafka://[user:password@]host[:port][,host[:port]…][?parameter=value&…]`, user and password percent-encoded.
 *
 * | parameter | default | |
 * |---|---|---|
 * | `clientId` | `tidegate` | how the brokers' logs and quotas name this client |
 * | `tls` | `false` | `true` encrypts; a private authority goes into NODE_EXTRA_CA_CERTS |
 * | `sasl` | `plain` with a user, else none | `plain`, `scram-sha-256` or `scram-sha-512` |
 * | `partitions` | `8` | of the topics that are made |
 * | `replicas` | `-1` | of the topics that are made; -1 is the broker's default |
 * | `sessionTimeoutMs` | `30000` | after such a silence a member's partitions go to others; brokers allow 6000 to 1800000 |
 * | `stopTimeoutMs` | `10000` | how long stopping waits for running batches |
 * | `deadAfterMs` | `120000` | after such a silence of Kafka a consumer gives up; at least three sessions, for a rebalance is silent too |
 *
 * @throws InfrastructureError `config-invalid`
 */
export function parseKafkaUrl(url: string): KafkaSettings {
  // Not a WHATWG URL: those have one host.
  const parts = /^kafka:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]+)\/?(?:\?([^#]*))?$/.exec(url);
  if (!parts) throw invalid('The URL of Kafka must look like kafka://host:9092,other:9092?partitions=8');
  const [, user, password = '', hosts = '', query = ''] = parts;
  const given = new URLSearchParams(query);
  for (const name of given.keys()) {
    if (!Object.hasOwn(defaults, name)) throw invalid(`"${name}" is none of ${Object.keys(defaults).join(', ')}`);
  }
  const text = (name: Parameter): string => given.get(name) ?? defaults[name];
  const whole = (name: Parameter, least: number): number => {
    const value = text(name);
    if (!/^-?\d{1,9}$/.test(value) || Number(value) < least) {
      throw invalid(`"${name}" must be a whole number of at least ${least}, not "${value}"`);
    }
    return Number(value);
  };
  const sessionTimeoutMs = whole('sessionTimeoutMs', 6_000);
  return {
    brokers: hosts.split(',').map(brokerOf),
    clientId: text('clientId'),
    tls: oneOf('tls', text('tls'), ['true', 'false']) === 'true',
    sasl: saslOf(user, password, text('sasl')),
    partitions: whole('partitions', 1),
    replicas: whole('replicas', -1) || -1,
    sessionTimeoutMs,
    stopTimeoutMs: whole('stopTimeoutMs', 0),
    deadAfterMs: whole('deadAfterMs', 3 * sessionTimeoutMs),
  };
}

function brokerOf(host: string): string {
  const parts = /^(\[[\da-fA-F:]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(host);
  if (!parts) throw invalid(`"${host}" is no host:port`);
  return `${parts[1]}:${parts[2] ?? 9092}`;
}

function saslOf(user: string | undefined, password: string, mechanism: string): SASLOptions | undefined {
  if (user === undefined) {
    if (mechanism !== '') throw invalid('"sasl" needs a user and password before the host');
    return undefined;
  }
  return {
    mechanism: oneOf('sasl', mechanism || 'plain', mechanisms),
    username: decoded(user),
    password: decoded(password),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('user and password must be percent-encoded');
  }
}

function oneOf<T extends string>(name: string, value: string, values: readonly T[]): T {
  const found = values.find((one) => one === value);
  if (found === undefined) throw invalid(`"${name}" must be one of ${values.join(', ')}, not "${value}"`);
  return found;
}

// The URL itself stays out of the message: it can hold a password.
const invalid = (what: string): InfrastructureError => new InfrastructureError('config-invalid', `${what}.`);
