import { ruleIds, type RuleResult, type Trace } from './events.js';

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
  let letters = '';
  for (const _ of ruleIds) {
    letters = letterOf[results[rest % results.length] ?? 'not-applicable'] + letters;
    rest = Math.floor(rest / results.length);
  }
  const trace = traceIn(letters) ?? {};
  byDigits.set(digits, trace);
  return trace;
};

/** How a trace is stored: a letter for each rule in the order of `ruleIds`, which is thereby a storage format (ADR 33). */
export const lettersIn = (trace: Trace): string => {
  const known = lettersBy.get(trace);
  if (known !== undefined) return known;
  return ruleIds
    .map((id) => {
      const result = trace[id];
      return result === undefined ? SILENT : letterOf[result];
    })
    .join('');
};

/** Undefined for what is no trace. */
export const traceIn = (letters: string): Trace | undefined => {
  const known = byLetters.get(letters);
  if (known !== undefined) return known;
  if (letters.length !== ruleIds.length) return undefined;
  const trace: { [rule in (typeof ruleIds)[number]]?: RuleResult } = {};
  for (const [index, id] of ruleIds.entries()) {
    const letter = letters[index] ?? SILENT;
    const result = resultOf.get(letter);
    if (result !== undefined) trace[id] = result;
    else if (letter !== SILENT) return undefined;
  }
  Object.freeze(trace);
  byLetters.set(letters, trace);
  lettersBy.set(trace, letters);
  return trace;
};
