import { hash } from 'node:crypto';

/** A number in [0, 1) that depends on the seed and on what it is for alone, not on the order of the calls. */
export const chance = (seed: number, ...purpose: readonly (string | number)[]): number =>
  Number.parseInt(digest(seed, ...purpose).slice(0, 8), 16) / 0x1_0000_0000;

/** 20 hexadecimal digits, the same for the same seed and purpose. */
export const digest = (seed: number, ...purpose: readonly (string | number)[]): string =>
  hash('sha256', JSON.stringify([seed, ...purpose])).slice(0, 20);
