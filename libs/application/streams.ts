import type { Category } from './ports/event-store.js';

// Stream names are a storage format: `<category>-<account>.<rest>`, percent-encoded where a part could hold a dot.

const encoded = (part: string): string => encodeURIComponent(part).replaceAll('.', '%2E');

export const customerStream = (account: string, customer: string): string => `customer-${account}.${customer}`;
export const accountStream = (account: string): string => `account-${account}`;
export const templateStream = (account: string, name: string, language: string): string =>
  `template-${account}.${encoded(name)}.${encoded(language)}`;
export const mauStream = (account: string, month: string): string => `mau-${account}.${month}`;

export interface StreamParts {
  readonly category: Category;
  readonly account: string;
  /** Decoded; none for an account, one for a customer or a month, name and language for a template. */
  readonly rest: readonly string[];
}

/** How many parts follow the account. */
const arity: Readonly<Record<Category, number>> = { customer: 1, template: 2, account: 0, mau: 1 };
const isCategory = (name: string): name is Category => Object.hasOwn(arity, name);

const decoded = (parts: readonly string[]): readonly string[] | undefined => {
  try {
    return parts.map((part) => (part.includes('%') ? decodeURIComponent(part) : part));
  } catch {
    return undefined;
  }
};

/** Undefined for the name of a stream that is not Tidegate's. */
export const streamParts = (stream: string): StreamParts | undefined => {
  const dash = stream.indexOf('-');
  const category = stream.slice(0, dash);
  if (dash === -1 || !isCategory(category)) return undefined;
  const dot = stream.indexOf('.', dash);
  const account = stream.slice(dash + 1, dot === -1 ? undefined : dot);
  const parts = dot === -1 ? [] : stream.slice(dot + 1).split('.');
  // The log may be shared: what merely begins like ours is somebody else's.
  const rest = parts.length === arity[category] ? decoded(parts) : undefined;
  return rest === undefined || !/^[a-z0-9_]+$/.test(account) ? undefined : { category, account, rest };
};
