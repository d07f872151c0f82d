import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { InfrastructureError } from '#application/errors';
import { loadSettings, parseSettings, tokenDigest } from './settings.js';

const secret = 'a-secret-of-acme';
const valid = {
  listen: { host: '0.0.0.0', port: 9000 },
  accounts: {
    acme: {
      sinch: { secrets: [secret, 'the-one-before'], sender: '15550783881', senders: { app: '15550783882' } },
      meta: { secrets: [secret], verifyToken: 'verify-me', senders: { '106': '15550783881' } },
    },
    beta_2: { meta: { secrets: [secret], verifyToken: 'verify-me' } },
  },
};
const parse = parseSettings;
const errorOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};
const problemsOf = (settings: unknown): readonly string[] => {
  const error = errorOf(() => parse(settings));
  return error instanceof InfrastructureError ? error.message.split('\n  ').slice(1) : [];
};
const withSinch = (sinch: unknown) => ({ accounts: { acme: { sinch } } });
const withMeta = (meta: object) => ({
  accounts: { acme: { meta: { secrets: [secret], verifyToken: 'verify-me', ...meta } } },
});

const folder = mkdtempSync(join(tmpdir(), 'webhook-settings-'));
let files = 0;
const fileOf = (text: string): string => {
  const path = join(folder, `${(files += 1)}`);
  writeFileSync(path, text);
  return path;
};
afterAll(() => rmSync(folder, { recursive: true }));

describe('the settings', () => {
  test('say where to listen, and the providers of each account', () => {
    const settings = parse(valid);
    expect([settings.host, settings.port]).toEqual(['0.0.0.0', 9000]);
    expect([...settings.sinch.keys(), ...settings.meta.keys()]).toEqual(['acme', 'acme', 'beta_2']);
    expect(settings.sinch.get('acme')).toMatchObject({ sender: '15550783881', toleranceMs: 300_000 });
    expect(settings.sinch.get('acme')?.secrets).toHaveLength(2);
    expect(settings.sinch.get('acme')?.senders.get('app')).toBe('15550783882');
    expect(settings.meta.get('acme')?.verifyToken).toEqual(tokenDigest('verify-me'));
  });

  test('have a default for where to listen: this machine only', () => {
    expect(parse({ accounts: valid.accounts })).toMatchObject({ host: '127.0.0.1', port: 8081 });
  });

  test('show no secret and no token in a log', () => {
    expect(inspect(parse(valid), { depth: 9 })).not.toMatch(/a-secret|one-before|verify-me/);
    expect(JSON.stringify([...parse(valid).meta.values()])).not.toMatch(/a-secret|verify-me/);
  });

  test.each<[unknown, string]>([
    [[], 'The file: give an object'],
    [{ accounts: {} }, 'accounts: name at least one account with its providers'],
    [{ ...valid, secrets: [] }, 'secrets: remove or rename it'],
    [{ ...valid, listen: { port: 99_999 } }, 'listen.port: use a whole number from 0 to 65535'],
    [{ accounts: { 'Acme Inc': {} } }, 'accounts.Acme Inc: use a name of a-z, 0-9 and _'],
    [{ accounts: { acme: [] } }, 'accounts.acme: give an object'],
    [{ accounts: { acme: { twilio: {} } } }, 'accounts.acme.twilio: remove or rename it'],
    [withSinch('x'), 'accounts.acme.sinch: give an object'],
    [withSinch({ secrets: [] }), 'accounts.acme.sinch.secrets: give at least one secret'],
    [withSinch({ secrets: [secret, 'b'.repeat(8), 'c'.repeat(8)] }), 'accounts.acme.sinch.secrets: give at most two'],
    [withSinch({ secrets: [secret, secret] }), 'accounts.acme.sinch.secrets: give two different secrets'],
    [withSinch({ secrets: ['short'] }), 'accounts.acme.sinch.secrets: give each secret as 8 to 256 characters'],
    [withSinch({ secret }), 'accounts.acme.sinch.secret: remove or rename it'],
    [
      withSinch({ secrets: [secret], sender: '+1 555' }),
      'accounts.acme.sinch.sender: give a business number in digits',
    ],
    [
      withSinch({ secrets: [secret], senders: { app: 1 } }),
      'accounts.acme.sinch.senders: senders must be an object of',
    ],
    [withSinch({ secrets: [secret], toleranceSeconds: 0 }), 'accounts.acme.sinch.toleranceSeconds: use a whole number'],
    [withMeta({ verifyToken: undefined }), 'accounts.acme.meta.verifyToken: give the verify token'],
    [withMeta({ toleranceSeconds: 5 }), 'accounts.acme.meta.toleranceSeconds: remove or rename it'],
  ])('name the field at fault and the remedy: %j', (settings, problem) => {
    expect(problemsOf(settings)).toContainEqual(expect.stringContaining(problem));
  });

  test('name all that is wrong at once, and quote none of it', () => {
    const problems = problemsOf({
      accounts: { acme: { sinch: { secrets: ['hush1'] }, meta: { secrets: ['hush2'], verifyToken: 'hush3' } } },
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hush');
  });

  test('that are not JSON are not quoted either', () => {
    const path = fileOf('{"accounts": {"acme": {"meta": {"secrets": [hush-hush]}}}}');
    const error = errorOf(() => loadSettings(path, {}));
    expect(error).toMatchObject({ code: 'config-invalid', message: expect.stringContaining('not JSON') });
    expect(inspect(error)).not.toContain('hush');
  });

  test('take secrets from the environment and from files', () => {
    const path = fileOf(
      JSON.stringify(withMeta({ secrets: [{ env: 'APP_SECRET' }], verifyToken: { file: fileOf('verify-me\n') } })),
    );
    const { meta } = loadSettings(path, { APP_SECRET: secret });
    expect(meta.get('acme')?.verifyToken).toEqual(tokenDigest('verify-me'));
    expect(meta.get('acme')?.secrets.map((key) => key.export().toString())).toEqual([secret]);
    expect(errorOf(() => loadSettings(path, {}))).toMatchObject({
      message: expect.stringContaining('accounts.acme.meta.secrets: give each secret as a string'),
    });
  });

  test('that are not there name the variable', () => {
    expect(errorOf(() => loadSettings('/nowhere/webhooks.json', {}))).toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('TIDEGATE_WEBHOOKS'),
    });
  });
});
