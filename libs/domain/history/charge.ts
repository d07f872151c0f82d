import type { TemplateCategory } from '../consent.js';
import type { Authorisation } from '../gate/events.js';
import type { Policy } from '../policy.js';
import { DAY_MS, plus, type Instant } from '../time.js';

/** What the platform would bill an authorised message as (platforms §2f); prices differ by country and are not ours to know. */
export type Charge = 'free' | 'session-message' | `template-${TemplateCategory}` | `conversation-${TemplateCategory}`;

/** Until when the conversations that were paid for last, by category. */
export type Conversations = { readonly [category in TemplateCategory]?: Instant };

/** A conversation that a template opened lasts so long (Meta, before July 2025). */
const CONVERSATION_MS = DAY_MS;

/**
 * How the message is billed under the policy, if it is delivered.
 * @param category of the template that is sent; undefined for a session message
 */
export const chargeFor = (
  { at, cost, usesSlot }: Pick<Authorisation, 'at' | 'cost' | 'usesSlot'>,
  category: TemplateCategory | undefined,
  { price }: Pick<Policy, 'price'>,
  conversations: Conversations,
): { readonly charge: Charge; readonly conversations: Conversations } => {
  const free = { charge: 'free', conversations } as const;
  if (category === undefined) {
    const isCharged = price.session === 'per-message' || (price.session !== 'free' && cost === 'over-allowance');
    return isCharged ? { charge: 'session-message', conversations } : free;
  }
  // Outside a window the permit uses a slot.
  const inWindow = !usesSlot;
  switch (price.template) {
    case 'outside-window':
      return inWindow ? free : { charge: `template-${category}`, conversations };
    case 'per-message':
      return { charge: `template-${category}`, conversations };
    case 'per-message-utility-free-in-window':
      return inWindow && category === 'utility' ? free : { charge: `template-${category}`, conversations };
    case 'per-conversation': {
      const until = conversations[category];
      if (until !== undefined && at < until) return free;
      return {
        charge: `conversation-${category}`,
        conversations: { ...conversations, [category]: plus(at, CONVERSATION_MS) },
      };
    }
  }
};
