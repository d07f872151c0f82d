import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { InfrastructureError } from '#application/errors';

/** What is wrong with one field, and the remedy. Never quotes a value: it may be secret. */
interface Fault {
  readonly field: string;
  readonly remedy: string;
}

const faultsOf = (settings: object, field: string): readonly Fault[] =>
  validateSync(settings, { whitelist: true, forbidNonWhitelisted: true }).map(({ property, constraints = {} }) => ({
    field: `${field}.${property}`,
    remedy:
      'whitelistValidation' in constraints
        ? 'remove or rename it, there is no such setting'
        : [...new Set(Object.values(constraints))].join('; '),
  }));

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Settings by account, each an object of the class, with all its decorators satisfied.
 * @throws InfrastructureError `config-invalid`, naming all fields at fault, each with its remedy
 */
export const settingsByAccount = <T extends object>(
  type: new () => T,
  given: unknown,
  name: string,
): ReadonlyMap<string, T> => {
  const settings = new Map<string, T>();
  const faults: Fault[] = [];
  if (!isRecord(given)) faults.push({ field: name, remedy: 'give an object with one entry per account' });
  else {
    for (const [account, entry] of Object.entries(given)) {
      const field = `${name}.${account}`;
      if (!/^[a-z0-9_]{1,64}$/u.test(account)) {
        faults.push({ field, remedy: "use the account's name: lower-case letters, digits and _" });
      } else if (isRecord(entry)) {
        const instance = plainToInstance(type, entry);
        settings.set(account, instance);
        faults.push(...faultsOf(instance, field));
      } else {
        faults.push({ field, remedy: 'give an object' });
      }
    }
  }
  if (faults.length > 0) {
    const lines = faults.map(({ field, remedy }) => `${field}: ${remedy}`);
    throw new InfrastructureError('config-invalid', ['The settings are not valid.', ...lines].join('\n  '), {
      field: faults[0]?.field ?? name,
    });
  }
  return settings;
};
