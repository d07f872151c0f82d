import { createSecretKey } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { isSignedByMeta } from './signature.js';

const keyOf = (secret: string) => createSecretKey(secret, 'utf8');
const secret = keyOf('s3cret');
const escaped = Buffer.from(String.raw`{"a":"\u00e9"}`);
const signature = 'sha256=c3ca0fb49979b2e4a1a98b38f392947751f1db1d6b5e13a95ca81cb8b965366e';

describe('the signature of Meta', () => {
  test('is that of the escaped bytes on the wire', () => {
    expect(isSignedByMeta([secret], signature, escaped)).toBe(true);
  });

  test('is not that of the same JSON written with its letters', () => {
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(escaped.toString())));
    expect(rewritten.toString()).toBe('{"a":"é"}');
    expect(isSignedByMeta([secret], signature, rewritten)).toBe(false);
  });

  test('of a body beyond the basic plane', () => {
    const wave = 'sha256=b51523c413198f4db1eeb138e1c9b2842f897b652a736f6988bc6c43beb710f8';
    const body = Buffer.from(String.raw`{"text":"\ud83c\udf0a Flut"}`);
    expect(isSignedByMeta([keyOf('geheim-und-lang')], wave, body)).toBe(true);
  });

  test('may be by either of two secrets while they change', () => {
    expect(isSignedByMeta([keyOf('the next'), secret], signature, escaped)).toBe(true);
    expect(isSignedByMeta([keyOf('the next')], signature, escaped)).toBe(false);
    expect(isSignedByMeta([], signature, escaped)).toBe(false);
  });

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['without its algorithm', signature.slice('sha256='.length)],
    ['too short', signature.slice(0, -2)],
    ['too long', `${signature}00`],
    ['of another algorithm', signature.replace('sha256', 'sha1')],
    ['of one more bit', signature.replace(/e$/, 'f')],
    ['twice', [signature, signature]],
  ])('case 38: %s it is refused', (_, given) => {
    expect(isSignedByMeta([secret], given, escaped)).toBe(false);
  });
});
