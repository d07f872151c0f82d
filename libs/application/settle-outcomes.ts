import { settleUnknown, type Settlement } from '#domain/gate/outcome';
import { openIntent } from '#domain/gate/state';
import { decideByCustomer, loadFresh, rounds } from './by-customer.js';
import type { Customers } from './customers.js';
import type { EventMetadata } from './ports/event-store.js';
import type { IntentKey } from './ports/read-model.js';
import type { Situations } from './situations.js';

export interface SettlementCommand extends IntentKey {
  readonly settlement: Settlement;
  readonly metadata: EventMetadata;
}

export type SettlementAnswer =
  | 'settled'
  /** Settled before, or never sent: there is nothing to say any more. */
  | 'gone'
  /** Not sent yet, under way, or accepted: not for a person to say. */
  | 'not-unknown';

/** Records what people found out about unknown outcomes (rules §7). */
export class SettleOutcomes {
  constructor(
    private readonly customers: Customers,
    private readonly situations: Situations,
  ) {}

  /** Answers in the order of the commands. */
  async run(commands: readonly SettlementCommand[]): Promise<readonly SettlementAnswer[]> {
    const answers = commands.map((): SettlementAnswer => 'gone');
    const situation = await this.situations.of(commands);
    for (const groups of rounds(commands)) {
      const loaded = await loadFresh(this.customers, groups);
      await decideByCustomer(this.customers, loaded, groups, situation, ({ intentId, settlement, index }, now) => {
        const events = settleUnknown(intentId, settlement, now);
        const isOpen = openIntent(now.customer, intentId) !== undefined;
        answers[index] = events.length > 0 ? 'settled' : isOpen ? 'not-unknown' : 'gone';
        return events;
      });
    }
    return answers;
  }
}
