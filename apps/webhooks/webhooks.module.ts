import { type DynamicModule, Module } from '@nestjs/common';
import type { CustomerIdentity } from '#application/customer-identity';
import { Clock } from '#application/ports/clock';
import type { MessageProducer } from '#application/ports/message-queue';
import type { Telemetry } from '#application/ports/telemetry';
import { HealthController } from './health.controller.js';
import { Refusals } from './refusals.js';
import { SeenNonces } from './seen-nonces.js';
import { SignedWebhooks } from './signed-webhooks.js';
import { WebhookSettings } from './settings.js';
import { TakeUpdates } from './take-updates.js';
import { WebhooksController } from './webhooks.controller.js';

export interface WebhooksOptions extends Refusals {
  readonly producer: MessageProducer;
  readonly clock: Clock;
  readonly identity: CustomerIdentity;
  readonly telemetry: Telemetry;
  readonly settings: WebhookSettings;
}

/** Takes the providers' webhooks in. The application that imports it calls `setupWebhooks`. */
@Module({})
export class WebhooksModule {
  static register({ producer, clock, identity, telemetry, settings, refused }: WebhooksOptions): DynamicModule {
    return {
      module: WebhooksModule,
      controllers: [WebhooksController, HealthController],
      providers: [
        { provide: WebhookSettings, useValue: settings },
        { provide: Clock, useValue: clock },
        { provide: SeenNonces, useFactory: () => new SeenNonces() },
        SignedWebhooks,
        { provide: TakeUpdates, useValue: new TakeUpdates(producer, clock, identity, telemetry) },
        { provide: Refusals, useValue: { refused } satisfies Refusals },
      ],
    };
  }
}
