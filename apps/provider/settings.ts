import { MetaSettings } from '#adapters/meta/settings';
import { SinchSettings } from '#adapters/sinch/settings';
import type { Config } from '#platform/config';
import type { Variables } from '#platform/environment';
import { readSettingsFile, settingsIn, throwFaults, type Fault } from '#platform/settings';

const VARIABLE = 'TIDEGATE_PROVIDER';

/** Through which provider each account sends; one may send through both, by its senders. */
export interface ProviderSettings {
  readonly sinch: ReadonlyMap<string, SinchSettings>;
  readonly meta: ReadonlyMap<string, MetaSettings>;
}

/** Undefined for the sandbox. @throws InfrastructureError `config-invalid` */
export const providerSettingsOf = ({ provider }: Pick<Config, 'provider'>): ProviderSettings | undefined =>
  provider === undefined ? undefined : loadProviderSettings(provider, process.env);

/** @throws InfrastructureError `config-invalid`, naming every field at fault with its remedy and never a value */
export const loadProviderSettings = (path: string, variables: Variables): ProviderSettings =>
  parseProviderSettings(readSettingsFile(path, VARIABLE, variables));

/** @throws InfrastructureError as `loadProviderSettings` does */
export const parseProviderSettings = (given: unknown): ProviderSettings => {
  const faults: Fault[] = [];
  const [sinch, meta] = [new Map<string, SinchSettings>(), new Map<string, MetaSettings>()];
  const accounts = entriesIn(partsIn(given, 'the file', ['accounts'], faults)['accounts'], 'accounts', faults);
  for (const [account, entry] of accounts) {
    const field = `accounts.${account}`;
    if (!/^[a-z0-9_]{1,64}$/u.test(account))
      faults.push({ field, remedy: "use the account's name: lower-case letters, digits and _" });
    const parts = partsIn(entry, field, ['sinch', 'meta'], faults);
    const ofSinch =
      parts['sinch'] === undefined ? undefined : settingsIn(SinchSettings, parts['sinch'], `${field}.sinch`, faults);
    const ofMeta =
      parts['meta'] === undefined ? undefined : settingsIn(MetaSettings, parts['meta'], `${field}.meta`, faults);
    if (ofSinch !== undefined) sinch.set(account, ofSinch);
    if (ofMeta !== undefined) meta.set(account, ofMeta);
    const both = Object.keys(ofSinch?.apps ?? {}).filter((sender) => ofMeta?.phoneNumberIdOf(sender) !== undefined);
    for (const sender of both)
      faults.push({ field: `${field}.meta.phoneNumberIds.${sender}`, remedy: 'name each sender at one provider only' });
  }
  throwFaults(faults, `The file of ${VARIABLE} is`);
  return { sinch, meta };
};

type Parts = { readonly [name: string]: unknown };

const isObject = (given: unknown): given is Parts =>
  typeof given === 'object' && given !== null && !Array.isArray(given);

const partsIn = (given: unknown, field: string, names: readonly string[], faults: Fault[]): Parts => {
  if (!isObject(given)) {
    faults.push({ field, remedy: `give an object with ${names.join(' or ')}` });
    return {};
  }
  const strange = Object.keys(given).filter((name) => !names.includes(name));
  for (const name of strange) faults.push({ field: `${field}.${name}`, remedy: `use ${names.join(' or ')}` });
  if (names.every((name) => given[name] === undefined)) faults.push({ field, remedy: `name ${names.join(' or ')}` });
  return given;
};

const entriesIn = (given: unknown, field: string, faults: Fault[]): readonly (readonly [string, unknown])[] => {
  const entries = isObject(given) ? Object.entries(given) : [];
  if (entries.length === 0 && given !== undefined)
    faults.push({ field, remedy: 'give an object with one entry per account' });
  return entries;
};
