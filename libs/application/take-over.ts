import type { CustomerFact } from '#domain/gate/events';
import { takesOver, type Alias } from '#domain/gate/merge';
import { fold } from '#domain/gate/evolve';
import type { LinkTerms } from '#domain/gate/state';
import type { Change, Customer } from './customer.js';
import { factId } from './event-ids.js';

const linkOf = ({ state: { link } }: Customer): readonly LinkTerms[] => (link === undefined ? [] : [link]);

/**
 * What the survivor appends to take over the closed streams that the path leads past, the nearest first: it may have
 * taken over the farther ones itself (ADR 0020).
 */
export const takeovers = (path: readonly Customer[], survivor: Customer): readonly Change[] => {
  const changes: Change[] = [];
  let alias: Alias = survivor;
  for (let place = path.length - 1; place >= 0; place -= 1) {
    const loser = path[place];
    const [first, ...others] = path.slice(place).flatMap(linkOf);
    if (loser === undefined || first === undefined || alias.state.aliases?.includes(loser.customer) === true) continue;
    const events: readonly CustomerFact[] = takesOver(loser, alias, [first, ...others]);
    const state = fold(events, alias.state);
    // Whoever appends it, it came of the link.
    const linkId = factId(loser.stream, `linked/${loser.state.survivor ?? ''}`);
    changes.push({ events, metadata: { correlationId: linkId, causationId: linkId }, state });
    alias = { ...alias, state };
  }
  return changes;
};
