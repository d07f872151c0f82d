import { join } from 'node:path';
import type { Process } from '#apps/composition/process';
import { parseSandboxOptions } from '#adapters/sandbox/sandbox-options';
import { SandboxProvider } from '#adapters/sandbox/sandbox-provider';
import type { MessageBatch } from '#application/ports/message-queue';
import type { DeliveryReport } from '#contracts/inbound/delivery-reports';
import { readMessage } from '#contracts/read-message';
import { topicName } from '#contracts/topics';
import type { Part } from '#platform/lifecycle';
import type { ChosenProvider } from './chosen-provider.js';

const reportMessage = ({ at, ...report }: DeliveryReport) => ({
  topic: topicName('delivery-reports'),
  key: report.correlation ?? report.providerMessageId,
  value: JSON.stringify({ ...report, at: new Date(at).toISOString() }),
  headers: {},
});

const told = (provider: SandboxProvider, { topic, messages }: MessageBatch): void => {
  if (topic === topicName('consents')) {
    provider.consented(
      messages.flatMap((message) => {
        const reading = readMessage('consents', message);
        if (reading.kind !== 'valid') return [];
        const { customer, scope, status, at } = reading.data;
        const person = customer.phone ?? customer.userId;
        // The platform knows no categories: an opt-out of one of them is between the customer and the account.
        return person === undefined || (status === 'out' && scope !== 'all') ? [] : [{ person, status, at }];
      }),
    );
    return;
  }
  provider.told(
    messages.flatMap((message) => {
      const reading = readMessage('inbound-messages', message);
      if (reading.kind !== 'valid' || reading.type !== 'message' || reading.data.origin !== 'customer') return [];
      const { sender, customer, at, text } = reading.data;
      const person = customer.phone ?? customer.userId;
      return person === undefined ? [] : [{ sender, person, at, text }];
    }),
  );
};

/** The simulated platform: hears of the customers' messages for itself, and publishes its delivery reports. */
export const sandbox = ({ config, engines, logger }: Process): ChosenProvider => {
  const provider = new SandboxProvider(
    parseSandboxOptions(config.sandbox),
    join(config.dataFolder, 'sandbox', 'book.jsonl'),
    engines.clock,
    (reports) => engines.producer.send(reports.map(reportMessage)),
  );
  const consumer = engines.queue.consumer({ group: 'tidegate-sandbox', batchSize: engines.batchSize });
  const part: Part = {
    name: 'sandbox',
    start: async (fail) => {
      void consumer.dead.then(fail);
      await consumer.start([topicName('inbound-messages'), topicName('consents')], async (batch) =>
        told(provider, batch),
      );
    },
    stop: async () => {
      await consumer.stop();
      const { breaches, taken } = provider;
      await provider.close();
      logger.info({ taken, breaches }, 'the sandbox has closed its book');
    },
  };
  return { provider, parts: [part] };
};
