import type { Instant } from './time.js';

export const templateCategories = ['marketing', 'utility', 'authentication'] as const;
export type TemplateCategory = (typeof templateCategories)[number];

export const consentScopes = ['all', ...templateCategories] as const;
export type ConsentScope = (typeof consentScopes)[number];

/** The latest word of a customer in one scope. */
export interface Consent {
  readonly status: 'in' | 'out';
  /** The provider's or the source's time. */
  readonly at: Instant;
  readonly source: string;
  readonly reference?: string | undefined;
}

export type Consents = { readonly [scope in ConsentScope]?: Consent };

/** Folds one word: the latest by time wins, and on a tie the opt-out (rules §4). */
export const withConsent = (consents: Consents, scope: ConsentScope, consent: Consent): Consents => {
  const known = consents[scope];
  return known === undefined || supersedes(consent, known) ? { ...consents, [scope]: consent } : consents;
};

const supersedes = (consent: Consent, known: Consent): boolean => {
  if (consent.at !== known.at) return consent.at > known.at;
  if (consent.status !== known.status) return consent.status === 'out';
  // The same word from two sources: which of them is kept as evidence must not depend on the order of arrival.
  return evidenceKey(consent) > evidenceKey(known);
};

const evidenceKey = ({ source, reference }: Consent): string => `${source}/${reference ?? ''}`;

/**
 * The consent that counts for a category: the latest among `all` and the category,
 * except that an `all` opt-in never lifts an explicit opt-out of the category (rules §4).
 */
export const consentFor = (consents: Consents, category: TemplateCategory): Consent | undefined => {
  const all = consents.all;
  const own = consents[category];
  if (own === undefined) return all;
  if (all === undefined) return own;
  if (own.status === 'out' && all.status === 'in') return own;
  if (all.at === own.at) return all.status === 'out' ? all : own;
  return all.at > own.at ? all : own;
};

/** What stands also where consent does not carry over: a no is never forgotten (ADR 0020). */
export const optOuts = (consents: Consents): Consents =>
  Object.fromEntries(Object.entries(consents).filter(([, consent]) => consent.status === 'out'));

/** The consent that counts while nobody told the category: the one that permits least (ADR 0010). */
export const leastConsent = (consents: Consents): Consent | undefined => {
  let least: Consent | undefined;
  let isSilent = false;
  for (const category of templateCategories) {
    const consent = consentFor(consents, category);
    if (consent === undefined) isSilent = true;
    else if (consent.status === 'out') return consent;
    else least = consent;
  }
  return isSilent ? undefined : least;
};
