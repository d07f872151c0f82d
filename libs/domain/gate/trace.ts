import { ruleIds, type RuleResult, type Trace } from './events.js';

const results: readonly RuleResult[] = ['not-applicable', 'passed', 'applies'];
export const NOT_APPLICABLE = 0;
export const PASSED = 1;
export const APPLIES = 2;

const traces = new Map<number, Trace>();

/**
 * The trace whose results are the ternary digits of the number, in the order of `ruleIds`. Shared and frozen: few of the
 * possible ones ever occur, and to build one for each decision costs more than the decision.
 */
export const traceOf = (digits: number): Trace => {
  const known = traces.get(digits);
  if (known !== undefined) return known;
  let rest = digits;
  const entries = ruleIds.toReversed().map((id) => {
    const result = results[rest % results.length];
    rest = Math.floor(rest / results.length);
    return [id, result] as const;
  });
  const trace: Trace = Object.freeze(Object.fromEntries(entries.toReversed()));
  traces.set(digits, trace);
  return trace;
};
