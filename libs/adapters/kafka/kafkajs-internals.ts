import { createRequire } from 'node:module';

/** The version whose internals are known: those of another one stay as they are. */
const KAFKAJS = '2.2.4';

/** Loads modules of kafkajs that it does not export, to mend them; undefined where it is not the version that is known. */
export const kafkajsInternals = (): NodeJS.Require | undefined => {
  const require = createRequire(import.meta.url);
  const { version }: { readonly version: string } = require('kafkajs/package.json');
  return version === KAFKAJS ? require : undefined;
};
