import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { InfrastructureError } from '#application/errors';
import type { TemplateName } from '#application/history/as-of';
import { ChangePolicyDto, toPolicyChange } from '#contracts/inbound/accounts';
import { parseInstant } from '#contracts/inbound/instants';
import { faultOf, validatorOf } from '#contracts/inbound/schemas';
import { presets, type Policy } from '#domain/policy';
import type { Instant } from '#domain/time';

export const instantArgument = (text: string): Instant => {
  const at = parseInstant(text);
  if (at === undefined)
    throw new InvalidArgumentError('Give an RFC 3339 time with a zone, such as 2026-05-04T12:00:00Z.');
  return at;
};

export const accountArgument = (text: string): string => {
  if (!/^[a-z0-9_]{1,64}$/.test(text)) throw new InvalidArgumentError('An account matches [a-z0-9_]+.');
  return text;
};

export const secondsArgument = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Give a whole number of seconds, at least 1.');
  return Number(text);
};

/** May be given several times. The language is what follows the last slash. */
export const templateArgument = (text: string, before: readonly TemplateName[] = []): readonly TemplateName[] => {
  const slash = text.lastIndexOf('/');
  if (slash < 1 || slash === text.length - 1) throw new InvalidArgumentError('Give name/language, such as receipt/en.');
  return [...before, { name: text.slice(0, slash), language: text.slice(slash + 1) }];
};

/**
 * A policy from a file: `{ "preset": "meta-2025-07", "overrides": { "slots": 2 } }`, as in a policy change.
 * @throws InfrastructureError `config-invalid`, naming the field at fault and its remedy
 */
export const readPolicy = async (file: string): Promise<Policy> => {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new InfrastructureError('config-invalid', `The policy file ${file} cannot be read.`, { cause });
  });
  const isValid = validatorOf(ChangePolicyDto)();
  const content = { account: 'what_if', ...parsed(file, text) };
  if (!isValid(content)) {
    const { message, remedy } = faultOf(isValid.errors);
    throw new InfrastructureError('config-invalid', `The policy file ${file} is not valid. ${message} ${remedy}`);
  }
  const { preset, overrides } = toPolicyChange(content);
  // No version that an account could have: those are revisions of its stream, and its presets' are 1.
  return { ...presets[preset], ...overrides, version: 0 };
};

const parsed = (file: string, text: string): object => {
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  } catch {
    // Said below.
  }
  throw new InfrastructureError('config-invalid', `The policy file ${file} holds no JSON object.`);
};
