import { ValidateIf } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { Zone } from '#domain/calendar';
import { callOutcomes, messageTypes, type CallOutcome, type MessageType } from '#domain/message';
import { presetNames, type PolicyOverrides, type PresetName } from '#domain/policy';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Instant } from '#domain/time';
import {
  Account,
  Count,
  CountOrNull,
  Flag,
  Id,
  Nested,
  OneOf,
  Optional,
  Says,
  SomeOf,
  StringList,
  Time,
  TimeZone,
} from './fields.js';
import { instantFrom, optionalInstant } from './instants.js';

export class RegisterAccountDto {
  @Account() account: string;
  @Says('Default: UTC.')
  @Optional()
  @TimeZone()
  zone?: string;
  @Optional() @Time() at?: string;
}

export class RegisterSenderDto {
  @Account() account: string;
  @Id(64) sender: string;
  @Time() onboardedAt: string;
}

export class QuietHoursDto {
  @Count(0, 1439) fromMinute: number;
  @Count(0, 1439) untilMinute: number;
}

/** What an account sets differently from its preset. Durations in milliseconds. */
export class PolicyOverridesDto {
  @Optional() @Count(0, HOUR_MS) marginMs?: number;
  @Optional() @SomeOf(messageTypes) openers?: MessageType[];
  @Optional() @SomeOf(callOutcomes) callsOpen?: CallOutcome[];
  @Optional() @CountOrNull(0, 1000) slots?: number | null;
  @Optional() @Count(1000, DAY_MS) permitLifeMs?: number;
  @Optional() @Count(MINUTE_MS, 366 * DAY_MS) longestHoldMs?: number;
  @Optional() @Count(1000, HOUR_MS) attemptTimeMs?: number;
  @Optional() @Count(1, 10) attempts?: number;
  @Optional() @Count(0, HOUR_MS) retryAfterMs?: number;
  @Optional() @Flag() impliedOptIn?: boolean;
  @ValidateIf((dto: PolicyOverridesDto) => dto.quietHours !== undefined && dto.quietHours !== null)
  @Nested(() => QuietHoursDto)
  @JSONSchema(() => ({ anyOf: [{ $ref: '#/definitions/QuietHoursDto' }, { type: 'null' }] }))
  quietHours?: QuietHoursDto | null;
  @Optional() @OneOf(['allow', 'refuse']) overAllowance?: 'allow' | 'refuse';
  @Optional() @Count(0, 28) monthCloseDays?: number;
  @Optional() @Flag() changedNumberKeepsConsent?: boolean;
  @Optional() @Count(MINUTE_MS, 30 * DAY_MS) deliveredWithinMs?: number;
}

export class ChangePolicyDto {
  @Account() account: string;
  @OneOf(presetNames) preset: PresetName;
  @Optional() @Nested(() => PolicyOverridesDto) overrides?: PolicyOverridesDto;
  @Optional() @Time() effectiveAt?: string;
}

export class ChangeAllowanceDto {
  @Account() account: string;
  @Says('Null lifts the allowance.')
  @CountOrNull(0, 1_000_000_000)
  users: number | null;
  @Optional() @Time() effectiveAt?: string;
}

export class ChangeKeywordsDto {
  @Account() account: string;
  @Says("The opt-out words of all the account's languages.")
  @StringList(1000)
  optOut: string[];
}

export class ChangeZoneDto {
  @Account() account: string;
  @TimeZone() zone: string;
}

/** Without `at`: when it was taken in. */
export interface AccountRegistration {
  readonly account: string;
  readonly zone: Zone;
  readonly at?: Instant | undefined;
}

export interface SenderRegistration {
  readonly account: string;
  readonly sender: string;
  readonly onboardedAt: Instant;
}

/** Without `effectiveAt`: at once. */
export interface PolicyChange {
  readonly account: string;
  readonly preset: PresetName;
  readonly overrides: PolicyOverrides;
  readonly effectiveAt?: Instant | undefined;
}

/** Without `effectiveAt`: at once. */
export interface AllowanceChange {
  readonly account: string;
  readonly users: number | null;
  readonly effectiveAt?: Instant | undefined;
}

export interface KeywordsChange {
  readonly account: string;
  readonly optOut: readonly string[];
}

export interface ZoneChange {
  readonly account: string;
  readonly zone: Zone;
}

export const toAccountRegistration = (dto: RegisterAccountDto): AccountRegistration => ({
  account: dto.account,
  zone: dto.zone ?? 'UTC',
  at: optionalInstant(dto.at),
});

export const toSenderRegistration = (dto: RegisterSenderDto): SenderRegistration => ({
  account: dto.account,
  sender: dto.sender,
  onboardedAt: instantFrom(dto.onboardedAt),
});

/** Only the known fields, and of them only those given: an override of undefined would take the preset's value away. */
const overridesOf = (dto: PolicyOverridesDto): PolicyOverrides => {
  const known = {
    marginMs: dto.marginMs,
    openers: dto.openers,
    callsOpen: dto.callsOpen,
    slots: dto.slots,
    permitLifeMs: dto.permitLifeMs,
    longestHoldMs: dto.longestHoldMs,
    attemptTimeMs: dto.attemptTimeMs,
    attempts: dto.attempts,
    retryAfterMs: dto.retryAfterMs,
    impliedOptIn: dto.impliedOptIn,
    quietHours: dto.quietHours,
    overAllowance: dto.overAllowance,
    monthCloseDays: dto.monthCloseDays,
    changedNumberKeepsConsent: dto.changedNumberKeepsConsent,
    deliveredWithinMs: dto.deliveredWithinMs,
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
};

export const toPolicyChange = (dto: ChangePolicyDto): PolicyChange => ({
  account: dto.account,
  preset: dto.preset,
  overrides: dto.overrides === undefined ? {} : overridesOf(dto.overrides),
  effectiveAt: optionalInstant(dto.effectiveAt),
});

export const toAllowanceChange = (dto: ChangeAllowanceDto): AllowanceChange => ({
  account: dto.account,
  users: dto.users,
  effectiveAt: optionalInstant(dto.effectiveAt),
});

export const toKeywordsChange = (dto: ChangeKeywordsDto): KeywordsChange => ({
  account: dto.account,
  optOut: dto.optOut,
});

export const toZoneChange = (dto: ChangeZoneDto): ZoneChange => ({ account: dto.account, zone: dto.zone });
