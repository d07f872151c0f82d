import { takesOver } from '#domain/gate/merge';
import { fold } from '#domain/gate/evolve';
import type { LinkTerms } from '#domain/gate/state';
import { isAlias, type Change, type Customer } from './customer.js';
import { factId } from './event-ids.js';

const linkOf = ({ state: { link } }: Customer): readonly LinkTerms[] => (link === undefined ? [] : [link]);

/**
 * What the survivor appends to take over the nearest of the closed streams that the path leads past: it may have taken
 * over the farther ones itself (ADR 0020). One at a time, so that each fits into an append.
 */
export const takeover = (path: readonly Customer[], survivor: Customer): readonly Change[] => {
  const place = path.findLastIndex(({ customer }) => !isAlias(survivor, customer));
  const loser = path[place];
  const [first, ...others] = path.slice(place).flatMap(linkOf);
  if (loser === undefined || first === undefined) return [];
  const events = takesOver(loser, survivor, [first, ...others]);
  // Whoever appends it, it came of the link.
  const linkId = factId(loser.stream, `linked/${loser.state.survivor ?? ''}`);
  const metadata = { correlationId: linkId, causationId: linkId };
  return [{ events, metadata, state: fold(events, survivor.state) }];
};
