import type { Analytics, AnalyticsNews } from '../ports/analytics.js';
import type { MessageProducer, OutgoingMessage } from '../ports/message-queue.js';
import type { ProjectionStore } from '../ports/read-model.js';

/** The name of its checkpoint, which is not of the projection's tables: those may be rebuilt. */
export const ANALYTICS_PUBLISHER = 'analytics-publisher';

/** Rows that are told at a time, about. */
const AT_ONCE = 1_000;

/**
 * Tells the topics what changed in analytics: each row as it is by then, never one version twice unless a crash comes
 * between. Who reads a topic from its beginning ends with the rows, since it keeps the last message of each key.
 */
export class PublishAnalytics {
  constructor(
    private readonly analytics: Pick<Analytics, 'news'>,
    private readonly checkpoints: Pick<ProjectionStore, 'checkpoint' | 'moveCheckpoint'>,
    private readonly producer: MessageProducer,
    private readonly messagesOf: (news: AnalyticsNews) => readonly OutgoingMessage[],
  ) {}

  /** One step. True: there is more. @throws InfrastructureError `checkpoint-taken` when another process does it too */
  async run(): Promise<boolean> {
    const from = await this.checkpoints.checkpoint(ANALYTICS_PUBLISHER);
    const news = await this.analytics.news(from, AT_ONCE);
    if (news === undefined || (from !== undefined && news.upTo <= from)) return false;
    const messages = this.messagesOf(news);
    if (messages.length > 0) await this.producer.send(messages);
    await this.checkpoints.moveCheckpoint(ANALYTICS_PUBLISHER, from, news.upTo);
    return messages.length >= AT_ONCE;
  }
}
