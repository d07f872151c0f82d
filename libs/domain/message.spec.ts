import { describe, expect, test } from '@jest/globals';
import { assert, constantFrom, mixedCase, property } from 'fast-check';
import { iso } from '#testing/scenario';
import {
  isAuthored,
  isOptOut,
  messageOrigins,
  messageTypes,
  opensWindow,
  type InboundMessage,
  type MessageType,
} from './message.js';
import { defaultPolicy } from './policy.js';
import { plus } from './time.js';

const onboardedAt = iso('2026-01-01T00:00:00Z');
const at = plus(onboardedAt, 1_000);
const from = (origin: InboundMessage['origin'], messageType: MessageType): InboundMessage => ({
  origin,
  messageType,
  at,
});
const written = (messageType: MessageType) => from('customer', messageType);
const opens = (message: InboundMessage) => opensWindow(message, defaultPolicy, onboardedAt);

const notices = ['system', 'unsupported', 'unknown', 'edit', 'revoke'] as const;

describe('what opens a window', () => {
  test.each([
    'text',
    'image',
    'audio',
    'video',
    'document',
    'sticker',
    'location',
    'contacts',
    'button',
    'interactive',
    'order',
  ] as const)('case 19: %s that the customer wrote', (messageType) => {
    expect(opens(written(messageType))).toBe(true);
  });

  test('case 19: a reaction only where the policy says so', () => {
    expect(opens(written('reaction'))).toBe(false);
    expect(opensWindow(written('reaction'), { openers: ['reaction'] }, onboardedAt)).toBe(true);
  });

  test.each(notices)('case 20: never %s, whatever the policy says', (messageType) => {
    expect(opens(written(messageType))).toBe(false);
    expect(opensWindow(written(messageType), { openers: messageTypes }, onboardedAt)).toBe(false);
  });

  test('case 20: never what the customer did not write', () => {
    const opening = messageOrigins.filter((origin) =>
      messageTypes.some((type) => opensWindow(from(origin, type), { openers: messageTypes }, onboardedAt)),
    );
    expect(opening).toEqual(['customer']);
  });

  test('nothing from before the sender was onboarded, which begins with that very instant', () => {
    expect(opens({ ...written('text'), at: plus(onboardedAt, -1) })).toBe(false);
    expect(opens({ ...written('text'), at: onboardedAt })).toBe(true);
  });
});

describe('what makes a customer active', () => {
  test('is all that they authored, reactions too', () => {
    expect(messageTypes.filter((messageType) => !isAuthored(written(messageType)))).toEqual([
      'system',
      'unsupported',
      'edit',
      'revoke',
      'unknown',
    ]);
  });

  test('case 20: is no echo and no injected message', () => {
    expect(messageTypes.filter((messageType) => isAuthored(from('echo', messageType)))).toEqual([]);
    expect(messageTypes.filter((messageType) => isAuthored(from('injected', messageType)))).toEqual([]);
  });
});

describe('case 33: an opt-out word', () => {
  const keywords = ['stop', 'Arrêt', 'СТОП'];

  test('counts in any case and with space around it', () => {
    assert(
      property(
        mixedCase(constantFrom('stop', 'arrêt', 'стоп')),
        constantFrom('', ' ', '\n', '\u00a0\t'),
        (word, space) => {
          expect(isOptOut(written('text'), `${space}${word}${space}`, keywords)).toBe(true);
        },
      ),
    );
  });

  test('counts however its accents are composed', () => {
    expect(isOptOut(written('text'), 'ARRÊT'.normalize('NFD'), keywords)).toBe(true);
  });

  test('is the whole text, not a part of it', () => {
    for (const text of ['please stop', 'stop.', 'stopp', 's top', '', undefined]) {
      expect(isOptOut(written('text'), text, keywords)).toBe(false);
    }
  });

  test('counts in texts and replies, not in captions or reactions', () => {
    expect(messageTypes.filter((messageType) => isOptOut(written(messageType), 'STOP', keywords))).toEqual([
      'text',
      'button',
      'interactive',
    ]);
  });

  test("is the customer's own, not an echo of the staff", () => {
    expect(isOptOut(from('echo', 'text'), 'STOP', keywords)).toBe(false);
    expect(isOptOut(from('injected', 'text'), 'STOP', keywords)).toBe(false);
  });
});
