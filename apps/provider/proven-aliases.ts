import { LRUCache } from 'lru-cache';
import type { CustomerIdentity } from '#application/customer-identity';
import type { Clock } from '#application/ports/clock';
import type { MessageProducer, OutgoingMessage } from '#application/ports/message-queue';
import type { ProviderMessage } from '#application/ports/send-provider';
import type { IdentityDto } from '#contracts/inbound/identities';
import { outgoing, written } from '#contracts/outbound/outgoing';
import { partitionKey } from '#contracts/topics';

const SOURCE = '/tidegate/provider';
/** Links that were told; one that is forgotten, here or by a death, is told again with the next message. */
const REMEMBERED = 100_000;
const WAITING = 10_000;

type Names = ProviderMessage['to'];

/**
 * Publishes as identity facts by which other names a provider knows whom it wrote to (rules §11, case 24). Apart from
 * the send: who is who can wait, and no outcome waits for it.
 */
export class ProvenAliases {
  readonly #told = new LRUCache<string, true>({ max: REMEMBERED });
  /** By what each says, so that it waits once. */
  readonly #waiting = new Map<string, OutgoingMessage>();

  constructor(
    private readonly identity: CustomerIdentity,
    private readonly producer: Pick<MessageProducer, 'send'>,
    private readonly clock: Clock,
  ) {}

  learn({ account, to, correlation }: Pick<ProviderMessage, 'account' | 'to' | 'correlation'>, others: Names): void {
    const [addressed] = aliasesIn(to);
    if (addressed === undefined) return;
    for (const other of aliasesIn(others)) {
      const ids = [addressed, other].map((alias) => this.identity.customerOf(account, alias));
      const link = `${account}/meta/same/${ids.join('/')}`;
      if (this.#told.has(link) || this.#waiting.has(link) || this.#waiting.size >= WAITING) continue;
      const at = this.clock.now();
      const data = {
        account,
        provider: 'meta',
        customer: addressed,
        other,
        relation: 'same',
        at: written(at),
        reference: `send/${correlation}`.slice(0, 256),
      } satisfies IdentityDto;
      const key = partitionKey(account, ids[0] ?? '');
      this.#waiting.set(link, outgoing('inbound-messages', 'identity', key, { id: link, source: SOURCE, at }, data));
    }
  }

  /** Resolves once the queue has acknowledged what waited. @throws InfrastructureError and keeps it for the next time */
  async publish(): Promise<void> {
    const waiting = [...this.#waiting];
    if (waiting.length === 0) return;
    await this.producer.send(waiting.map(([, message]) => message));
    for (const [link] of waiting) {
      this.#told.set(link, true);
      this.#waiting.delete(link);
    }
  }
}

const aliasesIn = ({ phone, userId }: Names): readonly Names[] => [
  ...(phone === undefined ? [] : [{ phone }]),
  ...(userId === undefined ? [] : [{ userId }]),
];
