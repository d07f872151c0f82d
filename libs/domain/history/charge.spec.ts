import { describe, expect, test } from '@jest/globals';
import { after } from '#testing/scenario';
import type { TemplateCategory } from '../consent.js';
import type { CostEffect } from '../gate/events.js';
import { presets, type PresetName } from '../policy.js';
import { DAY_MS } from '../time.js';
import { chargeFor, type Conversations } from './charge.js';

const charge = (
  preset: PresetName,
  category: TemplateCategory | undefined,
  where: 'in' | 'out',
  cost: CostEffect = 'included',
  conversations: Conversations = {},
) => chargeFor({ at: after(0), cost, usesSlot: where === 'out' }, category, presets[preset], conversations);

describe('what a message is billed as (platforms §2f)', () => {
  test.each([
    ['sinch-2021', undefined, 'in', 'included', 'free'],
    ['sinch-2021', undefined, 'in', 'new-active-user', 'free'],
    ['sinch-2021', undefined, 'in', 'over-allowance', 'session-message'],
    ['sinch-2021', 'utility', 'in', 'included', 'free'],
    ['sinch-2021', 'utility', 'out', 'included', 'template-utility'],
    ['meta-2024-11', undefined, 'in', 'over-allowance', 'free'],
    ['meta-2024-11', 'marketing', 'in', 'included', 'conversation-marketing'],
    ['meta-2025-07', undefined, 'in', 'included', 'free'],
    ['meta-2025-07', 'utility', 'in', 'included', 'free'],
    ['meta-2025-07', 'utility', 'out', 'included', 'template-utility'],
    ['meta-2025-07', 'marketing', 'in', 'included', 'template-marketing'],
    ['meta-2026-10', undefined, 'in', 'included', 'session-message'],
    ['meta-2026-10', 'utility', 'in', 'included', 'template-utility'],
  ] as const)('%s: %s %s of a window, %s: %s', (preset, category, where, cost, expected) => {
    expect(charge(preset, category, where, cost).charge).toBe(expected);
  });

  test('a conversation of a category is paid for once in 24 hours', () => {
    const first = charge('meta-2024-11', 'marketing', 'out');
    expect(first.conversations).toEqual({ marketing: after(DAY_MS) });
    const at = (instant: number) =>
      chargeFor(
        { at: after(instant), cost: 'included', usesSlot: true },
        'marketing',
        presets['meta-2024-11'],
        first.conversations,
      ).charge;
    expect(at(DAY_MS - 1)).toBe('free');
    expect(at(DAY_MS)).toBe('conversation-marketing');
    expect(charge('meta-2024-11', 'utility', 'out', 'included', first.conversations).charge).toBe(
      'conversation-utility',
    );
  });
});
