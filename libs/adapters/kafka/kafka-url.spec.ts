import { describe, expect, test } from '@jest/globals';
import { parseKafkaUrl } from './kafka-url.js';

describe('a URL of Kafka', () => {
  test('needs no more than a host', () => {
    expect(parseKafkaUrl('kafka://broker')).toEqual({
      brokers: ['broker:9092'],
      clientId: 'tidegate',
      tls: false,
      sasl: undefined,
      partitions: 8,
      replicas: -1,
      sessionTimeoutMs: 30_000,
      stopTimeoutMs: 10_000,
      deadAfterMs: 120_000,
    });
  });

  test('can say everything', () => {
    const url =
      'kafka://us%3Aer:p%40ss@one:1,two,[::1]:3/?clientId=gate&tls=true&sasl=scram-sha-512&partitions=24&replicas=3' +
      '&sessionTimeoutMs=6000&stopTimeoutMs=0&deadAfterMs=18000';
    expect(parseKafkaUrl(url)).toEqual({
      brokers: ['one:1', 'two:9092', '[::1]:3'],
      clientId: 'gate',
      tls: true,
      sasl: { mechanism: 'scram-sha-512', username: 'us:er', password: 'p@ss' },
      partitions: 24,
      replicas: 3,
      sessionTimeoutMs: 6_000,
      stopTimeoutMs: 0,
      deadAfterMs: 18_000,
    });
  });

  test('with a user means SASL PLAIN', () => {
    expect(parseKafkaUrl('kafka://user:secret@broker').sasl).toEqual({
      mechanism: 'plain',
      username: 'user',
      password: 'secret',
    });
  });

  test.each([
    ['http://broker', 'must look like kafka://'],
    ['kafka://', 'must look like kafka://'],
    ['kafka://broker/topic', 'must look like kafka://'],
    ['kafka://one:1,', '"" is no host:port'],
    ['kafka://one:port', '"one:port" is no host:port'],
    ['kafka://broker?partition=1', '"partition" is none of clientId, tls,'],
    ['kafka://broker?partitions=0', '"partitions" must be a whole number of at least 1, not "0"'],
    ['kafka://broker?partitions=1.5', '"partitions" must be'],
    ['kafka://broker?toString=1', '"toString" is none of'],
    ['kafka://broker?sessionTimeoutMs=5999', '"sessionTimeoutMs" must be a whole number of at least 6000'],
    ['kafka://broker?tls=yes', '"tls" must be one of true, false, not "yes"'],
    ['kafka://broker?sasl=plain', '"sasl" needs a user and password'],
    ['kafka://user:secret@broker?sasl=gssapi', '"sasl" must be one of plain, scram-sha-256, scram-sha-512'],
    ['kafka://broker?deadAfterMs=89999', '"deadAfterMs" must be a whole number of at least 90000'],
    ['kafka://us%er:secret@broker', 'user and password must be percent-encoded'],
  ])('is refused: %s', (url, message) => {
    const parse = (): unknown => parseKafkaUrl(url);
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ code: 'config-invalid' }));
    expect(parse).not.toThrow('secret');
  });
});
