import { describe, expect, test } from '@jest/globals';
import { array, assert, constant, constantFrom, integer, property, record, shuffledSubarray, tuple } from 'fast-check';
import {
  consentFor,
  consentScopes,
  leastConsent,
  templateCategories,
  withConsent,
  type Consent,
  type Consents,
  type ConsentScope,
} from './consent.js';
import { instantOf } from './time.js';

interface Word extends Consent {
  readonly scope: ConsentScope;
}

const word = (scope: ConsentScope, status: 'in' | 'out', at: number): Word => ({
  scope,
  status,
  at: instantOf(at),
  source: 'form',
});
const after = (...words: readonly Word[]): Consents =>
  words.reduce<Consents>((consents, { scope, ...consent }) => withConsent(consents, scope, consent), {});

const aWord = record({
  scope: constantFrom(...consentScopes),
  status: constantFrom('in' as const, 'out' as const),
  at: integer({ min: 1, max: 4 }),
}).map(({ scope, status, at }) => word(scope, status, at));
const words = array(aWord, { maxLength: 10 });
const inTwoOrders = words.chain((some) => tuple(constant(some), shuffledSubarray(some, { minLength: some.length })));

describe('the evidence', () => {
  test('case 31: of the same word from two sources is the same in any order of arrival', () => {
    const form = word('all', 'out', 1);
    const shop = { ...form, source: 'shop', reference: 'r-1' };
    expect(after(form, shop)).toEqual(after(shop, form));
  });
});

describe('while nobody told the category', () => {
  test('the least of all categories counts', () => {
    expect(leastConsent(after(word('all', 'in', 1)))?.status).toBe('in');
    expect(leastConsent(after(word('all', 'in', 1), word('utility', 'out', 2)))?.status).toBe('out');
    expect(leastConsent(after(word('utility', 'in', 1)))).toBeUndefined();
    expect(leastConsent({})).toBeUndefined();
  });
});

describe('the words of one scope', () => {
  test('case 31: the latest by its own time wins, whenever it arrives', () => {
    expect(after(word('all', 'out', 2), word('all', 'in', 1)).all?.status).toBe('out');
    expect(after(word('all', 'in', 2), word('all', 'out', 1)).all?.status).toBe('in');
  });

  test('case 31: on a tie the opt-out wins, from either side', () => {
    expect(after(word('utility', 'in', 1), word('utility', 'out', 1)).utility?.status).toBe('out');
    expect(after(word('utility', 'out', 1), word('utility', 'in', 1)).utility?.status).toBe('out');
  });

  test('case 31: fold to the same consent in any order, and repeats change nothing', () => {
    assert(
      property(inTwoOrders, ([some, shuffled]) => {
        expect(after(...shuffled, ...shuffled)).toEqual(after(...some));
      }),
    );
  });

  test('leave the other scopes as they were', () => {
    assert(
      property(words, aWord, (some, last) => {
        const others = (consents: Consents) => ({ ...consents, [last.scope]: undefined });
        expect(others(after(...some, last))).toEqual(others(after(...some)));
      }),
    );
  });
});

describe('the consent for a category', () => {
  test.each<[string, readonly Word[], 'in' | 'out' | undefined]>([
    ['nothing was said', [], undefined],
    ['another category was opted in', [word('utility', 'in', 1)], undefined],
    ['all was opted in', [word('all', 'in', 1)], 'in'],
    ['the category was opted in', [word('marketing', 'in', 1)], 'in'],
    ['all was opted out later', [word('marketing', 'in', 1), word('all', 'out', 2)], 'out'],
    ['the category was opted in after all was opted out', [word('all', 'out', 1), word('marketing', 'in', 2)], 'in'],
    ['all was opted out at the same instant', [word('marketing', 'in', 1), word('all', 'out', 1)], 'out'],
    ['the category was opted out at the same instant', [word('marketing', 'out', 1), word('all', 'in', 1)], 'out'],
    ['all was opted in after the category was opted out', [word('marketing', 'out', 1), word('all', 'in', 2)], 'out'],
    ['both were opted in', [word('marketing', 'in', 1), word('all', 'in', 2)], 'in'],
  ])('when %s', (_, some, status) => {
    expect(consentFor(after(...some), 'marketing')?.status).toBe(status);
  });

  test('an opt-in to all never lifts an explicit opt-out of the category, whatever else was said', () => {
    assert(
      property(words, constantFrom(...templateCategories), (some, category) => {
        const consents = after(...some, word(category, 'out', 5));
        expect(consentFor(withConsent(consents, 'all', word('all', 'in', 9)), category)?.status).toBe('out');
      }),
    );
  });

  test('an opt-out of all, as the last word or level with it, is out for every category', () => {
    assert(
      property(words, constantFrom(...templateCategories), (some, category) => {
        expect(consentFor(after(...some, word('all', 'out', 4)), category)?.status).toBe('out');
      }),
    );
  });

  test('is a word that was said on all or on the category itself', () => {
    assert(
      property(words, constantFrom(...templateCategories), (some, category) => {
        const consents = after(...some);
        expect([undefined, consents.all, consents[category]]).toContain(consentFor(consents, category));
      }),
    );
  });
});
