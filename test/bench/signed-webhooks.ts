import { createHmac } from 'node:crypto';

/** Of the account in the settings of both sides. */
export const ACCOUNT = 'bench';
export const SECRET = 'a-secret-of-the-bench';
export const SENDER = '15550783881';
const APP = '01EB37HMH1M6SV18ASNS3G135H';
const CUSTOMERS = 10_000;

const now = (): number => Math.floor(Date.now() / 1_000);
const phoneOf = (n: number): string => `49170${String(1_000_000 + (n % CUSTOMERS))}`;

/** Every fourth a message of a customer, the others reports. */
const metaItem = (n: number): object =>
  n % 4 === 1
    ? {
        messages: [
          {
            from: phoneOf(n),
            id: `wamid.in.${n}`,
            timestamp: String(now()),
            type: 'text',
            text: { body: 'Wo ist mein Paket? 🌊' },
          },
        ],
      }
    : {
        statuses: [
          {
            id: `wamid.out.${n}`,
            status: 'delivered',
            timestamp: String(now()),
            recipient_id: phoneOf(n),
            biz_opaque_callback_data: `${ACCOUNT}/k${n}/order-${n}`,
          },
        ],
      };

/** A request as it stands on the wire, so that what sends it has nothing left to do. */
const request = (path: string, body: string, headers: Readonly<Record<string, string>>): Buffer => {
  const bytes = Buffer.from(body);
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    ...headers,
  });
  const head = [`POST ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), bytes]);
};

const metaWebhook = (items: readonly object[]): Buffer => {
  const metadata = { display_phone_number: SENDER, phone_number_id: '106540352242922' };
  // As Meta writes it: letters beyond ASCII escaped (platforms §2b).
  const body = JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '102290129340398',
        time: now(),
        changes: items.map((item) => ({
          field: 'messages',
          value: { messaging_product: 'whatsapp', metadata, ...item },
        })),
      },
    ],
  }).replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  return request(`/webhooks/meta/${ACCOUNT}`, body, { 'x-hub-signature-256': `sha256=${signature}` });
};

const sinchWebhook = (n: number): Buffer => {
  const time = new Date().toISOString();
  const body = JSON.stringify({
    app_id: APP,
    project_id: 'c36f3a3d-1513-4edd-ae42-11995557ff61',
    accepted_time: time,
    event_time: time,
    message: {
      id: `01MSG${n}`,
      direction: 'TO_APP',
      contact_message: { text_message: { text: 'Wo ist mein Paket? 🌊' } },
      channel_identity: { channel: 'WHATSAPP', identity: phoneOf(n), app_id: APP },
      processing_mode: 'DISPATCH',
    },
  });
  const [nonce, timestamp] = [`n-${n}`, String(now())];
  return request(`/webhooks/sinch/${ACCOUNT}`, body, {
    'x-sinch-webhook-signature': createHmac('sha256', SECRET).update(`${body}.${nonce}.${timestamp}`).digest('base64'),
    'x-sinch-webhook-signature-nonce': nonce,
    'x-sinch-webhook-signature-timestamp': timestamp,
    'x-sinch-webhook-signature-algorithm': 'HmacSHA256',
  });
};

/** One update each, Sinch and Meta in turn. */
export const singleWebhooks = (count: number, from: number): readonly Buffer[] =>
  Array.from({ length: count }, (_, n) => (n % 2 === 0 ? sinchWebhook(from + n) : metaWebhook([metaItem(from + n)])));

/** A POST with as many updates as Meta sends at most. */
export const fullWebhook = (from: number): Buffer =>
  metaWebhook(Array.from({ length: 1_000 }, (_, n) => metaItem(from + n)));
