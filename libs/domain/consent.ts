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
  if (known !== undefined && (known.at > consent.at || (known.at === consent.at && known.status === 'out')))
    return consents;
  return { ...consents, [scope]: consent };
};

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
