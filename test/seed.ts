import { configureGlobal } from 'fast-check';

// Laws draw anew on each run. With a seed they draw the same again: CI takes one from the code, so that each change is
// tried with other draws, and what passed passes again.
const seed = process.env['TIDEGATE_TEST_SEED'];
if (seed !== undefined && seed !== '') configureGlobal({ seed: Number(seed) });
