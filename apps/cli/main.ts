#!/usr/bin/env -S node --max-semi-space-size=64
import { readFile } from 'node:fs/promises';
import { stopSignal } from '#platform/lifecycle';
import { runCommand } from './program.js';
import { processTerminal } from './terminal.js';

const manifest: unknown = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8'));
const version =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';

// A pipe that is closed early, as by `| head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const context = { terminal: processTerminal, variables: process.env, signal: stopSignal() };
process.exitCode = await runCommand(process.argv.slice(2), context, version);
// PGlite and gRPC may keep the process alive; what was written to a pipe must still get out.
process.stdout.write('', () => process.exit());
