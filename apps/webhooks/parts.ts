import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Logger } from 'pino';
import type { Engines } from '#apps/composition/engines';
import type { Process } from '#apps/composition/process';
import type { Config } from '#platform/config';
import type { Part } from '#platform/lifecycle';
import { NestLogger } from '#platform/logging';
import { loadSettings, type WebhookSettings } from './settings.js';
import { setupWebhooks } from './setup.js';
import { WebhooksModule } from './webhooks.module.js';

/** Undefined where no file is named. @throws InfrastructureError `config-invalid` */
export const webhookSettingsOf = ({ webhooks }: Pick<Config, 'webhooks'>): WebhookSettings | undefined =>
  webhooks === undefined ? undefined : loadSettings(webhooks, process.env);

export const configuredWebhooks = ({ config, engines, logger }: Process): Part[] => {
  const settings = webhookSettingsOf(config);
  return settings === undefined ? [] : webhooksParts(engines, settings, logger);
};

/** Takes webhooks in, on an address of its own: the rest of the API is not for the world. */
export const webhooksParts = (
  { producer, clock, identity, telemetry }: Pick<Engines, 'producer' | 'clock' | 'identity' | 'telemetry'>,
  settings: WebhookSettings,
  logger: Logger,
): Part[] => {
  let app: NestExpressApplication | undefined;
  return [
    {
      name: 'webhooks',
      start: async () => {
        const module = WebhooksModule.register({
          producer,
          clock,
          identity,
          telemetry,
          settings,
          // Whoever calls chose the account's name: cut, so that nobody fills the log with it.
          refused: ({ account, ...refusal }) =>
            logger.warn({ ...refusal, account: account.slice(0, 64) }, 'webhook refused'),
        });
        app = await NestFactory.create<NestExpressApplication>(module, {
          logger: new NestLogger(logger),
          bodyParser: false,
        });
        setupWebhooks(app, (error) => logger.error({ err: error }, 'webhook failed'));
        await app.listen(settings.port, settings.host);
        logger.info({ url: await app.getUrl() }, 'listening for webhooks');
      },
      stop: async () => {
        await app?.close();
      },
    },
  ];
};
