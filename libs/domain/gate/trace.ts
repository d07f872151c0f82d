import { ruleIds, type RuleId, type RuleResult, type Trace } from './events.js';

const results: readonly RuleResult[] = ['not-applicable', 'passed', 'applies'];
export const NOT_APPLICABLE = 0;
export const PASSED = 1;
export const APPLIES = 2;

const letterOf: Readonly<Record<RuleResult, string>> = { 'not-applicable': 'n', passed: 'p', applies: 'a' };
const resultOf = new Map(results.map((result) => [letterOf[result], result]));
const SILENT = '-';

// Traces are shared and frozen: few of the possible ones ever occur, and to build one for each decision costs more than
// the decision.
const byDigits = new Map<number, Trace>();
const byLetters = new Map<string, Trace>();
const lettersBy = new WeakMap<Trace, string>();

/** The trace whose results are the ternary digits of the number, in the order of `ruleIds`. */
export const traceOf = (digits: number): Trace => {
  const known = byDigits.get(digits);
  if (known !== undefined) return known;
  let rest = digits;
  const entries = ruleIds.toReversed().map((id) => {
    const result = results[rest % results.length];
    rest = Math.floor(rest / results.length);
    return [id, result] as const;
  });
  const trace = shared(Object.fromEntries(entries.toReversed()));
  byDigits.set(digits, trace);
  return trace;
};

/** How a trace is stored: a letter for each rule in the order of `ruleIds`, which is thereby a storage format (ADR 33). */
export const lettersIn = (trace: Trace): string =>
  lettersBy.get(trace) ??
  ruleIds
    .map((id) => {
      const result = trace[id];
      return result === undefined ? SILENT : letterOf[result];
    })
    .join('');

/** Undefined for what is no trace. */
export const traceIn = (letters: string): Trace | undefined => {
  const known = byLetters.get(letters);
  if (known !== undefined) return known;
  if (letters.length !== ruleIds.length) return undefined;
  const trace: { [rule in RuleId]?: RuleResult } = {};
  for (const [index, id] of ruleIds.entries()) {
    const letter = letters[index] ?? SILENT;
    const result = resultOf.get(letter);
    if (result !== undefined) trace[id] = result;
    else if (letter !== SILENT) return undefined;
  }
  return shared(trace);
};

const shared = (trace: Trace): Trace => {
  const letters = lettersIn(trace);
  const known = byLetters.get(letters);
  if (known !== undefined) return known;
  byLetters.set(letters, Object.freeze(trace));
  lettersBy.set(trace, letters);
  return trace;
};
