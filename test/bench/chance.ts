// The same chances in every run.

/** A linear congruential generator (Numerical Recipes): numbers from 0 up to 1. */
export const seeded = (seed: number) => (): number =>
  (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;

export type Distribution = 'uniform' | 'zipf';

/** One of `count`, all alike, or the first twice as often as the second and three times as often as the third (Zipf). */
export const chooser = (distribution: Distribution, count: number, chance: () => number): (() => number) => {
  if (distribution === 'uniform') return () => Math.floor(chance() * count);
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) sums[rank] = sum += 1 / (rank + 1);
  return () => {
    const wanted = chance() * sum;
    let low = 0;
    for (let high = count - 1; low < high;) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
};
