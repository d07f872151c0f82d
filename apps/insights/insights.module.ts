import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { CustomerIdentity } from '#application/customer-identity';
import { Analytics } from '#application/ports/analytics';
import { ApiKeys } from '#application/ports/api-keys';
import { Clock } from '#application/ports/clock';
import { EventStore } from '#application/ports/event-store';
import { MessageProducer } from '#application/ports/message-queue';
import { ReadModel } from '#application/ports/read-model';
import { Probes } from '#platform/probes';
import { ProbesController } from '#platform/probes.controller';
import { AccessGuard, AccessPolicy } from './access.js';
import { AccountLookup } from './account-lookup.js';
import { AnalyticsController } from './analytics.controller.js';
import { ClockController } from './clock.controller.js';
import { CustomerLookup } from './customer-lookup.js';
import { FactsController } from './facts.controller.js';
import { HistoryController } from './history.controller.js';
import { IntentsController } from './intents.controller.js';
import { SettlementsController } from './settlements.controller.js';
import { TemplatesController } from './templates.controller.js';
import { WindowsController } from './windows.controller.js';

export interface InsightsOptions {
  readonly readModel: ReadModel;
  readonly analytics: Analytics;
  /** The log, for what is derived anew from it. */
  readonly store: EventStore;
  readonly apiKeys: ApiKeys;
  readonly access: AccessPolicy;
  readonly producer: MessageProducer;
  readonly identity: CustomerIdentity;
  /** A `SteerableClock` can be steered over HTTP. */
  readonly clock: Clock;
  readonly probes: Probes;
}

const controllers = [
  IntentsController,
  FactsController,
  SettlementsController,
  WindowsController,
  TemplatesController,
  AnalyticsController,
  HistoryController,
  ClockController,
  ProbesController,
];
const lookups: readonly Provider[] = [AccountLookup, CustomerLookup];

/** The HTTP API. The application that imports it answers errors with a ProblemFilter and calls what is in setup.ts. */
@Module({})
export class InsightsModule {
  /** What the API's description is made from, without anything behind it. */
  static preview(): DynamicModule {
    const ports = [ReadModel, Analytics, EventStore, MessageProducer, CustomerIdentity, Clock, Probes];
    const absent = ports.map((provide) => ({ provide, useValue: undefined }));
    return { module: InsightsModule, controllers, providers: [...lookups, ...absent] };
  }

  static register(options: InsightsOptions): DynamicModule {
    const { readModel, analytics, store, apiKeys, access, producer, identity, clock, probes } = options;
    return {
      module: InsightsModule,
      controllers,
      providers: [
        ...lookups,
        { provide: ReadModel, useValue: readModel },
        { provide: Analytics, useValue: analytics },
        { provide: EventStore, useValue: store },
        { provide: MessageProducer, useValue: producer },
        { provide: CustomerIdentity, useValue: identity },
        { provide: Clock, useValue: clock },
        { provide: Probes, useValue: probes },
        { provide: APP_GUARD, useValue: new AccessGuard(apiKeys, access, clock, new Reflector()) },
      ],
    };
  }
}
