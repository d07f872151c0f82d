import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { InfrastructureError } from '#application/errors';
import { loadProviderSettings, parseProviderSettings } from './settings.js';

const sinch = { projectId: 'p1', region: 'eu', keyId: 'k1', keySecret: 'hush-hush', apps: { '4930': 'app1' } };
const meta = { accessToken: 'hush-hush', phoneNumberIds: { '1555': '1065' } };

const folder = mkdtempSync(join(tmpdir(), 'provider-settings-'));
let files = 0;
const fileOf = (text: string): string => {
  const path = join(folder, `${(files += 1)}`);
  writeFileSync(path, text);
  return path;
};
afterAll(() => rmSync(folder, { recursive: true }));

const faultsOf = (work: () => unknown): readonly string[] => {
  try {
    work();
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(InfrastructureError);
    expect(inspect(error)).not.toContain('hush');
    return error instanceof InfrastructureError ? error.message.split('\n') : [];
  }
};

describe('the settings of the real providers', () => {
  test('say through which provider each account sends, one or both, and show no secret', () => {
    const settings = parseProviderSettings({ accounts: { acme: { sinch, meta }, beta: { meta } } });
    expect([...settings.sinch.keys(), ...settings.meta.keys()]).toEqual(['acme', 'acme', 'beta']);
    expect(settings.sinch.get('acme')?.keySecret.reveal()).toBe('hush-hush');
    expect(settings.meta.get('beta')).toMatchObject({ perSecond: 80, apiVersion: 'v24.0' });
    expect(inspect(settings, { depth: 9 })).not.toContain('hush');
  });

  test.each([
    [{ env: 'META_TOKEN' }, 'set the variable META_TOKEN'],
    [{ file: '/nowhere/token' }, 'name a file that can be read, not /nowhere/token'],
  ])('say of a reference that leads nowhere how to mend it: %j', (accessToken, remedy) => {
    const given = { accounts: { acme: { meta: { ...meta, accessToken } } } };
    expect(() => parseProviderSettings(given)).toThrow(`accounts.acme.meta.accessToken: ${remedy}`);
  });

  test('take secrets from the environment and from files', () => {
    const path = fileOf(
      JSON.stringify({
        accounts: {
          acme: {
            sinch: { ...sinch, keySecret: { env: 'SINCH_SECRET' } },
            meta: { ...meta, accessToken: { file: fileOf('from-a-file\n') } },
          },
        },
      }),
    );
    const settings = loadProviderSettings(path, { SINCH_SECRET: 'from-the-environment' });
    expect(settings.sinch.get('acme')?.keySecret.reveal()).toBe('from-the-environment');
    expect(settings.meta.get('acme')?.accessToken.reveal()).toBe('from-a-file');
    expect(faultsOf(() => loadProviderSettings(path, {}))).toEqual([
      'The file of TIDEGATE_PROVIDER is not valid.',
      '  accounts.acme.sinch.keySecret: set the variable SINCH_SECRET',
    ]);
  });

  test.each<[unknown, string]>([
    [[], 'the file: give an object with accounts'],
    [{}, 'the file: name accounts'],
    [{ accounts: {} }, 'accounts: give an object with one entry per account'],
    [{ accounts: { acme: {} } }, 'accounts.acme: name sinch or meta'],
    [{ accounts: { acme: { twilio: {}, meta } } }, 'accounts.acme.twilio: use sinch or meta'],
    [{ accounts: { 'Acme Inc': { meta } } }, "accounts.Acme Inc: use the account's name"],
    [{ accounts: { acme: { meta: 'hush' } } }, 'accounts.acme.meta: give an object'],
    [{ accounts: { acme: { sinch: { ...sinch, region: 'hush' } } } }, 'accounts.acme.sinch.region: use us, eu, br'],
    [{ accounts: { acme: { meta: { ...meta, perSecond: 0 } } } }, 'accounts.acme.meta.perSecond: use a whole number'],
    [
      { accounts: { acme: { sinch, meta: { ...meta, phoneNumberIds: { '4930': '7' } } } } },
      'accounts.acme.meta.phoneNumberIds.4930: name each sender at one provider only',
    ],
  ])('name the field at fault and the remedy: %j', (given, fault) => {
    expect(faultsOf(() => parseProviderSettings(given))).toContainEqual(expect.stringContaining(fault));
  });

  test.each([
    ['/nowhere/provider.json', 'TIDEGATE_PROVIDER: name a file that can be read, not /nowhere/provider.json'],
    [fileOf('{"accounts": hush}'), 'TIDEGATE_PROVIDER: the file is not JSON'],
  ])('name the variable when the file is no settings', (path, fault) => {
    expect(faultsOf(() => loadProviderSettings(path, {}))).toEqual([fault]);
  });
});
