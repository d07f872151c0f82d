import type { Logger } from 'pino';
import { SandboxProvider } from '#adapters/sandbox/sandbox-provider';
import type { Engines } from '#apps/composition/engines';
import type { DeliveryReport } from '#contracts/inbound/delivery-reports';
import { readMessage } from '#contracts/read-message';
import { topicName } from '#contracts/topics';
import type { Part } from '#platform/lifecycle';

/** Reports are published together, this often. */
const REPORT_EVERY_MS = 50;
const BATCH = 500;

const options = {
  seed: 1,
  latencyMs: 5,
  failureRate: 0,
  timeoutRate: 0,
  readRate: 0.5,
  graceMs: 5_000,
  reportEveryMs: 100,
  stopWords: ['stop', 'unsubscribe', 'stopp', 'arrêt', 'baja', 'parar'],
};

const reportMessage = ({ at, ...report }: DeliveryReport) => ({
  topic: topicName('delivery-reports'),
  key: report.correlation ?? report.providerMessageId,
  value: JSON.stringify({ ...report, at: new Date(at).toISOString() }),
  headers: {},
});

/** The simulated platform: reads the customers' messages for itself, and publishes its delivery reports. */
export const sandboxPart = (
  engines: Engines,
  logger: Logger,
): { readonly provider: SandboxProvider; readonly part: Part } => {
  let reports: DeliveryReport[] = [];
  const provider = new SandboxProvider(options, engines.clock, (report) => void reports.push(report));
  // From the start each time: its book is in memory, and must be whole.
  const consumer = engines.queue.consumer({ group: 'tidegate-sandbox', batchSize: BATCH, from: 'earliest' });
  let publishing: Promise<void> = Promise.resolve();
  const publish = async (): Promise<void> => {
    const ready = reports;
    reports = [];
    if (ready.length > 0) await engines.producer.send(ready.map(reportMessage));
  };
  let timer: NodeJS.Timeout | undefined;
  const part: Part = {
    name: 'sandbox',
    start: async (fail) => {
      void consumer.dead.then(fail);
      await consumer.start([topicName('inbound-messages')], async ({ messages }) => {
        for (const message of messages) {
          const reading = readMessage('inbound-messages', message);
          if (reading.kind !== 'valid' || reading.type !== 'message') continue;
          const { sender, customer, at, text, origin } = reading.data;
          const phone = customer.phone ?? customer.userId;
          if (origin === 'customer' && phone !== undefined) provider.told({ sender, phone, at, text });
        }
      });
      timer = setInterval(() => {
        publishing = publishing
          .then(publish)
          .catch((error: unknown) => logger.warn({ err: error }, 'reports of the sandbox are lost'));
      }, REPORT_EVERY_MS);
    },
    stop: async () => {
      clearInterval(timer);
      await provider.close();
      await publishing;
      await consumer.stop();
      const { breaches, sent } = provider;
      logger.info({ sent, ...breaches }, 'the sandbox has closed its book');
    },
  };
  return { provider, part };
};
