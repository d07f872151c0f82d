import { type DynamicModule, Module } from '@nestjs/common';
import { CustomerIdentity } from '#application/customer-identity';
import { Clock } from '#application/ports/clock';
import { MessageProducer } from '#application/ports/message-queue';
import { ReadModel } from '#application/ports/read-model';
import { Probes } from '#platform/probes';
import { ProbesController } from '#platform/probes.controller';
import { AccountLookup } from './account-lookup.js';
import { ClockController } from './clock.controller.js';
import { CustomerLookup } from './customer-lookup.js';
import { FactsController } from './facts.controller.js';
import { IntentsController } from './intents.controller.js';
import { TemplatesController } from './templates.controller.js';
import { WindowsController } from './windows.controller.js';

export interface InsightsOptions {
  readonly readModel: ReadModel;
  readonly producer: MessageProducer;
  readonly identity: CustomerIdentity;
  /** A `SteerableClock` can be steered over HTTP. */
  readonly clock: Clock;
  readonly probes: Probes;
}

const controllers = [
  IntentsController,
  FactsController,
  WindowsController,
  TemplatesController,
  ClockController,
  ProbesController,
];

/** The HTTP API. The application that imports it answers errors with a ProblemFilter and calls `setupBodies` and `setupDocs`. */
@Module({})
export class InsightsModule {
  /** What the API's description is made from, without anything behind it. */
  static preview(): DynamicModule {
    const ports = [ReadModel, MessageProducer, CustomerIdentity, Clock, Probes];
    const absent = ports.map((provide) => ({ provide, useValue: undefined }));
    return { module: InsightsModule, controllers, providers: [AccountLookup, CustomerLookup, ...absent] };
  }

  static register({ readModel, producer, identity, clock, probes }: InsightsOptions): DynamicModule {
    return {
      module: InsightsModule,
      controllers,
      providers: [
        AccountLookup,
        CustomerLookup,
        { provide: ReadModel, useValue: readModel },
        { provide: MessageProducer, useValue: producer },
        { provide: CustomerIdentity, useValue: identity },
        { provide: Clock, useValue: clock },
        { provide: Probes, useValue: probes },
      ],
    };
  }
}
