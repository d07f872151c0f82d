import { expect } from '@jest/globals';
import { HttpAdapterHost } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { AccessPolicy } from '#apps/insights/access';
import { InsightsModule, type InsightsOptions } from '#apps/insights/insights.module';
import { openApi } from '#apps/insights/reference';
import { setupBodies, setupDocs, setupMethods } from '#apps/insights/setup';
import { CustomerIdentity } from '#application/customer-identity';
import { Clock } from '#application/ports/clock';
import { MessageProducer, type OutgoingMessage } from '#application/ports/message-queue';
import {
  type AccountRow,
  type CustomerKey,
  type CustomerRow,
  type DecisionRow,
  type IntentKey,
  type LateFactRow,
  ReadModel,
  type TemplateRow,
} from '#application/ports/read-model';
import type { StreamRead } from '#application/ports/event-store';
import { customerStream } from '#application/streams';
import { initialAccount } from '#domain/account';
import type { CustomerEvent } from '#domain/gate/events';
import { instantOf, type Instant } from '#domain/time';
import { ProblemFilter } from '#platform/problem-filter';
import { undescribed } from '#testing/described-api';

export const now = instantOf(Date.UTC(2026, 4, 4, 12));
export const identity = new CustomerIdentity(Buffer.alloc(32, 7));
export const acme: AccountRow = { state: { ...initialAccount('acme'), registered: true } };

export class FixedClock extends Clock {
  now(): Instant {
    return now;
  }
}

export class MemoryProducer extends MessageProducer {
  sent: OutgoingMessage[] = [];
  refusal: Error | undefined;
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.refusal) throw this.refusal;
    this.sent.push(...messages);
  }
  async close(): Promise<void> {}
}

export class MemoryReadModel extends ReadModel {
  customerRows: CustomerRow[] = [];
  decisionRows: DecisionRow[] = [];
  accountRows: AccountRow[] = [];
  templateRows: TemplateRow[] = [];
  async lateFacts(): Promise<readonly LateFactRow[]> {
    return [];
  }
  async customers(keys: readonly CustomerKey[]): Promise<readonly CustomerRow[]> {
    return this.customerRows.filter((row) =>
      keys.some((key) => key.account === row.account && key.customer === row.customer),
    );
  }
  async decisions(keys: readonly IntentKey[]): Promise<readonly DecisionRow[]> {
    return this.decisionRows.filter((row) =>
      keys.some((key) => key.account === row.account && key.customer === row.customer && key.intentId === row.intentId),
    );
  }
  async decisionsByIntentId(account: string, intentId: string, limit: number): Promise<readonly DecisionRow[]> {
    return this.decisionRows.filter((row) => row.account === account && row.intentId === intentId).slice(0, limit);
  }
  async accounts(): Promise<readonly AccountRow[]> {
    return this.accountRows;
  }
  async templates(account?: string): Promise<readonly TemplateRow[]> {
    return this.templateRows.filter((row) => row.account === account);
  }
  async knownFacts(): Promise<ReadonlySet<string>> {
    return new Set();
  }
  async intentsByProviderMessage(): Promise<ReadonlyMap<string, IntentKey>> {
    return new Map();
  }
  async activeUsers(): Promise<{ readonly position: undefined; readonly users: readonly number[] }> {
    return { position: undefined, users: [] };
  }
  async awake(): Promise<readonly never[]> {
    return [];
  }
  async ping(): Promise<void> {}
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

type Behind = Pick<InsightsOptions, 'analytics' | 'store' | 'apiKeys' | 'access'>;

/** For tests that ask neither analysts' nor auditors' questions: of the log, one customer's stream alone. */
const absent = (events: readonly CustomerEvent[]): Behind => {
  const nothing = {};
  const stream = customerStream('acme', identity.customerOf('acme', { phone: '4915112345678' }));
  const log = {
    readStreams: async (reads: readonly StreamRead[]) =>
      reads.map((read) =>
        events
          .map((event, revision) => ({ event, revision }))
          .slice(read.stream === stream ? read.fromRevision : Infinity)
          .slice(0, read.atMost),
      ),
  };
  return {
    analytics: nothing as Behind['analytics'],
    store: log as unknown as Behind['store'],
    apiKeys: nothing as Behind['apiKeys'],
    access: new AccessPolicy('off', '127.0.0.1'),
  };
};

let description: ReturnType<typeof openApi> | undefined;

/** The HTTP API over memory. Every answer is held against the API's own description. */
export const openInsights = async (clock: Clock = new FixedClock(), elsewhere?: Behind) => {
  const events: CustomerEvent[] = [];
  const behind = elsewhere ?? absent(events);
  const readModel = new MemoryReadModel();
  const producer = new MemoryProducer();
  const parts: Record<string, string> = {};
  const stalled: string[] = [];
  const insights = InsightsModule.register({
    readModel,
    ...behind,
    producer,
    identity,
    clock,
    probes: { telemetryText: async () => 'tidegate_up 1\n', stalled: () => stalled, ready: async () => parts },
  });
  const app = (
    await Test.createTestingModule({ imports: [insights] }).compile()
  ).createNestApplication<NestExpressApplication>({ logger: false });
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost).httpAdapter, () => undefined));
  setupBodies(app);
  setupMethods(app);
  setupDocs(app);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const document = await (description ??= openApi());

  const fetched = async (method: string, path: string, options: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, { method, ...options });
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, body: await response.json() };
  };
  const ask = async (method: string, path: string, options: RequestInit = {}): Promise<Answer> => {
    const answer = await fetched(method, path, options);
    expect(undescribed(document, { method, path, ...answer })).toEqual([]);
    return answer;
  };
  const withBody = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    readModel,
    /** Of the customer with the phone number +49 151 12345678. */
    events,
    producer,
    parts,
    stalled,
    url,
    close: () => app.close(),
    /** For what no API describes, such as an unknown route. */
    fetched,
    get: (path: string) => ask('GET', path),
    delete: (path: string, headers: Record<string, string> = {}) => ask('DELETE', path, { headers }),
    put: (path: string, body: unknown) => ask('PUT', path, withBody(body)),
    postTo: (path: string, body: unknown) => ask('POST', path, withBody(body)),
    post: (body: unknown, headers?: Record<string, string>) => ask('POST', '/v1/send-intents', withBody(body, headers)),
    tell: (kind: string, body: unknown, headers?: Record<string, string>) =>
      ask('POST', `/v1/facts/${kind}`, withBody(body, headers)),
  };
};
export type Insights = Awaited<ReturnType<typeof openInsights>>;
