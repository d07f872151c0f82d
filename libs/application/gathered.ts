import { isInfrastructureError, reactionTo } from './errors.js';
import { GroupCommit } from './group-commit.js';

/** Time heals it, or nobody can go on: whose part in the work it was makes no difference. */
const isNobodysFault = (error: unknown): boolean =>
  isInfrastructureError(error) && reactionTo[error.code] !== 'dead-letter';

const settled = async <Result>(work: Promise<Result>): Promise<PromiseSettledResult<Result>> =>
  (await Promise.allSettled([work]))[0];

/**
 * Does one piece of work at a time, or few, and all that is asked for meanwhile in the next one: so the small batches of many
 * partitions share their reads and appends when there is much to do, and a lone one waits for nobody. Where somebody's
 * items are at fault, each batch is done alone, so that nobody else's messages are parked for it (ADR 8).
 *
 * @param work answers in the order of the items, and may be asked again for items that it has done
 * @param most items of one piece of work; one batch that has more goes alone
 * @param atOnce pieces of work, more than one only where their order makes no difference
 * @returns the same, one caller's items at a time
 */
export const gathered = <Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  most: number,
  atOnce = 1,
): ((items: readonly Item[]) => Promise<readonly Result[]>) => {
  const together = async (batches: readonly (readonly Item[])[]): Promise<readonly (readonly Result[])[]> => {
    const results = await work(batches.flat());
    let from = 0;
    return batches.map(({ length }) => results.slice(from, (from += length)));
  };
  const groups = new GroupCommit<readonly Item[], PromiseSettledResult<readonly Result[]>>(
    async (batches) => {
      const all = await settled(together(batches));
      if (all.status === 'fulfilled') return all.value.map((value) => ({ status: 'fulfilled', value }));
      if (batches.length === 1 || isNobodysFault(all.reason)) return batches.map(() => all);
      const alone: PromiseSettledResult<readonly Result[]>[] = [];
      for (const batch of batches) alone.push(await settled(work(batch)));
      return alone;
    },
    { weight: most, weigh: ({ length }) => length, atOnce },
  );
  return async (items) => {
    const [answer] = await groups.add([items]);
    if (answer?.status !== 'fulfilled') throw answer?.reason;
    return answer.value;
  };
};
