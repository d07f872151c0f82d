import { describe, expect, test } from '@jest/globals';
import { assert, property, string, stringMatching } from 'fast-check';
import { accountStream, customerStream, mauStream, streamParts, templateStream } from './streams.js';

const account = stringMatching(/^[a-z0-9_]{1,12}$/);
const text = string({ unit: 'grapheme', maxLength: 12 });

describe('the names of streams', () => {
  test('are a storage format', () => {
    expect(customerStream('acme', '9f2c')).toBe('customer-acme.9f2c');
    expect(accountStream('acme')).toBe('account-acme');
    expect(templateStream('acme', 'order_update', 'pt_BR')).toBe('template-acme.order_update.pt_BR');
    expect(templateStream('acme', 'a.b-c/d', 'en')).toBe('template-acme.a%2Eb-c%2Fd.en');
    expect(mauStream('acme', '2026-11')).toBe('mau-acme.2026-11');
  });

  test('come apart into what they were made of', () => {
    assert(
      property(account, text, text, (of, name, language) => {
        expect(streamParts(templateStream(of, name, language))).toEqual({
          category: 'template',
          account: of,
          rest: [name, language],
        });
      }),
    );
    expect(streamParts(customerStream('acme', '9f2c'))).toEqual({
      category: 'customer',
      account: 'acme',
      rest: ['9f2c'],
    });
    expect(streamParts(accountStream('acme'))).toEqual({ category: 'account', account: 'acme', rest: [] });
    expect(streamParts(mauStream('acme', '2026-11'))).toEqual({ category: 'mau', account: 'acme', rest: ['2026-11'] });
  });

  test('are different for different templates', () => {
    assert(
      property(text, text, text, text, (name, language, otherName, otherLanguage) => {
        const same = name === otherName && language === otherLanguage;
        expect(templateStream('a', name, language) === templateStream('a', otherName, otherLanguage)).toBe(same);
      }),
    );
  });

  test.each([
    '',
    'customer',
    '$ce-customer',
    'invoice-acme.1',
    'toString-acme',
    'customer-acme',
    'customer-acme.1.2',
    'account-acme.1',
    'account-Acme Ltd',
    'account-',
    'template-acme.x.%E0%A4%A',
  ])("%j is not one of Tidegate's", (stream) => {
    expect(streamParts(stream)).toBeUndefined();
  });
});
