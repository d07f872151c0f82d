/** What a run should show, as ratios that it measures itself. */
interface Goal {
  readonly label: string;
  readonly is: 'at least' | 'at most';
  readonly goal: number;
  /** Where the results have the figure. */
  readonly at: string;
}

const goals: readonly Goal[] = [
  { label: 'decided ÷ pass-through, Kafka and Postgres', is: 'at least', goal: 0.5, at: 'kafka.ratio' },
  { label: 'decided ÷ stock way', is: 'at least', goal: 10, at: 'kafka.timesStockWay' },
  { label: 'p99 at half load ÷ pass-through', is: 'at most', goal: 3, at: 'kafka.halfLoad.p99Ratio' },
  { label: 'decided ÷ bare appends, embedded', is: 'at least', goal: 0.6, at: 'embedded.ratio' },
  { label: 'decided ÷ bare client, EventStoreDB', is: 'at least', goal: 0.8, at: 'eventstoredb.ratio' },
  { label: 'rebuild of the read model ÷ bare read', is: 'at least', goal: 0.7, at: 'history.views.toBareRead' },
  { label: 'rebuild of analytics ÷ bare read', is: 'at least', goal: 0.7, at: 'history.analytics.toBareRead' },
  ...(['uniform', 'zipf'] as const).flatMap((distribution): readonly Goal[] => [
    {
      label: `10 × history, ${distribution}`,
      is: 'at most',
      goal: 1.1,
      at: `scaling.${distribution}.historyTimes10`,
    },
    {
      label: `10 × customers, ${distribution}`,
      is: 'at most',
      goal: 1.1,
      at: `scaling.${distribution}.customersTimes10`,
    },
    {
      label: `heap of the dispatcher, most ÷ fewest customers, ${distribution}`,
      is: 'at most',
      goal: 1.2,
      at: `scaling.${distribution}.dispatcherHeap`,
    },
    {
      label: `heap of the projector, most ÷ fewest customers, ${distribution}`,
      is: 'at most',
      goal: 1.2,
      at: `scaling.${distribution}.projectorHeap`,
    },
  ]),
  { label: 'decide and evolve, millions a second and core', is: 'at least', goal: 1, at: 'decide.millionsPerCore' },
];

export interface Reached extends Goal {
  readonly value: number;
  readonly isMet: boolean;
}

/** What stands under a path of names between dots. */
export const valueAt = (results: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (part, name) => (typeof part === 'object' && part !== null ? Reflect.get(part, name) : undefined),
      results,
    );

/** The goals whose figures the results have. */
export const reached = (results: unknown): readonly Reached[] =>
  goals.flatMap((goal) => {
    const value = valueAt(results, goal.at);
    if (typeof value !== 'number' || !Number.isFinite(value)) return [];
    return [{ ...goal, value, isMet: goal.is === 'at least' ? value >= goal.goal : value <= goal.goal }];
  });
