import { expect, test } from '@jest/globals';
import { receivedMessage } from './received-message.js';

test('what Kafka leaves out is empty, a repeated header counts with its last value', () => {
  const bare = { key: null, value: null, timestamp: '1700000000000', attributes: 0, offset: '7', headers: {} };
  expect(receivedMessage('tide', 3, bare)).toEqual({
    topic: 'tide',
    partition: 3,
    offset: 7,
    key: '',
    value: null,
    headers: {},
    at: 1_700_000_000_000,
  });
  const full = {
    ...bare,
    key: Buffer.from('ß'),
    value: Buffer.from('🌊'),
    headers: { one: Buffer.from('ü'), many: [Buffer.from('1'), Buffer.from('2')], none: undefined },
  };
  expect(receivedMessage('tide', 3, full)).toMatchObject({
    key: 'ß',
    value: '🌊',
    headers: { one: 'ü', many: '2', none: '' },
  });
});
