import { configureGlobal } from 'fast-check';

// Laws draw anew on each run. With a seed they draw the same again: CI takes its commit's, so that each commit is
// tried with other draws, and one that passed passes again.
const seed = process.env['TIDEGATE_TEST_SEED'];
if (seed !== undefined && seed !== '') configureGlobal({ seed: Number(seed) });
