import { createSecretKey } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { signedBySinch } from './signature.js';

const keyOf = (secret: string) => createSecretKey(secret, 'utf8');
const headersOf = (signature: string, nonce: string, timestamp: string) => ({
  'x-sinch-webhook-signature': signature,
  'x-sinch-webhook-signature-nonce': nonce,
  'x-sinch-webhook-signature-timestamp': timestamp,
  'x-sinch-webhook-signature-algorithm': 'HmacSHA256',
});
const secret = keyOf('s3cret');
const body = Buffer.from('{"a":"é"}');
const headers = headersOf('bHc6vO9mJQDMqMxKa8gmlhCYKhrv0wl1PzzkExiB0k4=', 'n-1', '1700000000');

describe('the signature of Sinch', () => {
  test('is over the raw body, the nonce and the time', () => {
    expect(signedBySinch([secret], headers, body)).toEqual({ nonce: 'n-1', at: 1_700_000_000_000 });
  });

  test('of a body beyond the basic plane', () => {
    const wave = headersOf('UEk3MQNKy6COjvDcFrdTOgOgLD+nd4+NaZEy+Vi2OHc=', '01HXYZ-tide', '1777896000');
    expect(signedBySinch([keyOf('geheim-und-lang')], wave, Buffer.from('{"text":"🌊 Flut"}'))).toBeDefined();
  });

  test("of the sample in Sinch's own libraries", () => {
    const contact =
      '{"id":"01FJA8B466Y0R2GNXD78MD9SM1","channel_identities":[{"channel":"SMS","identity":"48123456789","app_id":""}],' +
      '"display_name":"New Test Contact","email":"new.contact@email.com","external_id":"","metadata":"","language":"EN_US"}';
    const sample =
      '{"app_id":"","accepted_time":"2021-10-18T17:49:13.813615Z","project_id":"e2df3a34-a71b-4448-9db5-a8d2baad28e4",' +
      `"contact_create_notification":{"contact":${contact}},"message_metadata":""}`;
    const signature = '6bpJoRmFoXVjfJIVglMoJzYXxnoxRujzR4k2GOXewOE=';
    const { 'x-sinch-webhook-signature-algorithm': _, ...given } = headersOf(
      signature,
      '01FJA8B4A7BM43YGWSG9GBV067',
      '1634579353',
    );
    expect(signedBySinch([keyOf('foo_secret1234')], given, Buffer.from(sample))).toBeDefined();
  });

  test('may be by either of two secrets while they change', () => {
    expect(signedBySinch([keyOf('the next'), secret], headers, body)).toBeDefined();
    expect(signedBySinch([keyOf('the next')], headers, body)).toBeUndefined();
  });

  test.each([
    ['without a signature', { 'x-sinch-webhook-signature': undefined }],
    ['with a signature in hex', { 'x-sinch-webhook-signature': 'ab'.repeat(32) }],
    ['with another signature', { 'x-sinch-webhook-signature': 'cHc6vO9mJQDMqMxKa8gmlhCYKhrv0wl1PzzkExiB0k4=' }],
    ['without a nonce', { 'x-sinch-webhook-signature-nonce': '' }],
    ['with another nonce', { 'x-sinch-webhook-signature-nonce': 'n-2' }],
    ['without a time', { 'x-sinch-webhook-signature-timestamp': undefined }],
    ['with another time', { 'x-sinch-webhook-signature-timestamp': '1700000001' }],
    ['with a time in words', { 'x-sinch-webhook-signature-timestamp': 'today' }],
    ['by another algorithm', { 'x-sinch-webhook-signature-algorithm': 'HmacSHA1' }],
  ])('case 38: %s it is refused', (_, change) => {
    expect(signedBySinch([secret], { ...headers, ...change }, body)).toBeUndefined();
  });

  test('case 38: the end of a body cannot pass for the start of another nonce', () => {
    const shifted = { ...headers, 'x-sinch-webhook-signature-nonce': '"é"}.n-1' };
    const longer = Buffer.concat([Buffer.from('{"a":.'), Buffer.from('"é"}')]);
    const signed = headersOf('09kuxtrLXOAQwkgFo3F2sPiDXDm5QFazsuHQU79hMks=', 'n-1', '1700000000');
    expect(signedBySinch([secret], signed, longer)).toBeDefined();
    expect(
      signedBySinch(
        [secret],
        { ...shifted, 'x-sinch-webhook-signature': signed['x-sinch-webhook-signature'] },
        Buffer.from('{"a":'),
      ),
    ).toBeUndefined();
  });
});
