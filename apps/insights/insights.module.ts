import { type DynamicModule, Module } from '@nestjs/common';
import { CustomerIdentity } from '#application/customer-identity';
import { Clock } from '#application/ports/clock';
import { MessageProducer } from '#application/ports/message-queue';
import { ReadModel } from '#application/ports/read-model';
import { Probes } from '#platform/probes';
import { ProbesController } from '#platform/probes.controller';
import { AccountLookup } from './account-lookup.js';
import { CustomerLookup } from './customer-lookup.js';
import { IntentsController } from './intents.controller.js';
import { TemplatesController } from './templates.controller.js';
import { WindowsController } from './windows.controller.js';

export interface InsightsOptions {
  readonly readModel: ReadModel;
  readonly producer: MessageProducer;
  readonly identity: CustomerIdentity;
  readonly clock: Clock;
  readonly probes: Probes;
}

/** The HTTP API. The application that imports it answers errors with a ProblemFilter and calls `setupBodies` and `setupDocs`. */
@Module({})
export class InsightsModule {
  static register({ readModel, producer, identity, clock, probes }: InsightsOptions): DynamicModule {
    return {
      module: InsightsModule,
      controllers: [IntentsController, WindowsController, TemplatesController, ProbesController],
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
