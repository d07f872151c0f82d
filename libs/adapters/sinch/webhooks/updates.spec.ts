import { describe, expect, test } from '@jest/globals';
import { becameOf, idsOf, webhookContext } from '#testing/webhooks';
import { sinchUpdates } from './updates.js';

const eventTime = '2026-05-04T12:00:00.123456Z';
const acceptedTime = '2026-05-04T12:00:01Z';
const envelope = { app_id: '01APP', project_id: 'p', accepted_time: acceptedTime, event_time: eventTime };
const whatsApp = { channel: 'WHATSAPP', identity: '4915112345678', app_id: '01APP' };
const context = { ...webhookContext, senders: new Map([['01APP', '15550783881']]) };
const { receivedAt } = context;
const customer = { phone: '4915112345678' };

const became = (body: object, inContext = context) => sinchUpdates({ ...envelope, ...body }, inContext).map(becameOf);
const inbound = (contactMessage: object, more: object = {}, outer: object = {}) =>
  became({
    ...outer,
    message: {
      id: '01MSG',
      direction: 'TO_APP',
      channel_identity: whatsApp,
      contact_message: contactMessage,
      sender_id: '15550783881',
      processing_mode: 'DISPATCH',
      ...more,
    },
  });
const base = { account: 'acme', provider: 'sinch', sender: '15550783881', customer, messageId: '01MSG', receivedAt };
const written = { ...base, origin: 'customer', sentAt: eventTime };

describe('MESSAGE_INBOUND', () => {
  test.each<[object, object]>([
    [{ text_message: { text: 'Hi' } }, { type: 'text', text: 'Hi' }],
    [
      { text_message: { text: 'Hi' }, reply_to: { message_id: '01' } },
      { type: 'text', text: 'Hi' },
    ],
    [
      { reply_to: { message_id: '01' }, text_message: { text: 'Hi' } },
      { type: 'text', text: 'Hi' },
    ],
    [{ media_message: { url: 'https://x.test/a.JPG?sig=1' } }, { type: 'image' }],
    [{ media_message: { url: 'https://x.test/a.webp' } }, { type: 'sticker' }],
    [{ media_message: { url: 'https://x.test/a.ogg' } }, { type: 'audio' }],
    [{ media_message: { url: 'https://x.test/a.mp4' } }, { type: 'video' }],
    [{ media_message: { url: 'https://x.test/a' } }, { type: 'document' }],
    [{ media_card_message: { url: 'https://x.test/a.png', caption: 'STOP' } }, { type: 'image', caption: 'STOP' }],
    [{ location_message: { coordinates: {} } }, { type: 'location' }],
    [{ choice_response_message: { message_id: '0', postback_data: 'yes' } }, { type: 'interactive', text: 'yes' }],
    [{ product_response_message: { products: [] } }, { type: 'order' }],
    [{ fallback_message: { raw_message: '{}', reason: {} } }, { type: 'unsupported' }],
    [{ hologram_message: {} }, { type: 'hologram_message' }],
  ])('cases 19 and 20: %j', (contactMessage, said) => {
    expect(inbound(contactMessage)).toEqual([[['inbound-messages/message', { ...written, ...said }]]]);
  });

  test.each([
    ['injected by an API client', { injected: true }, 'injected'],
    ['injected, whatever its direction', { injected: true, direction: 'TO_CONTACT' }, 'injected'],
    ['from the business', { direction: 'TO_CONTACT' }, 'echo'],
    ['not injected', { injected: false }, 'customer'],
  ])('case 20: %s', (_, more, origin) => {
    expect(inbound({ text_message: { text: 'Hi' } }, more)).toMatchObject([
      [['inbound-messages/message', { origin, type: 'text' }]],
    ]);
  });

  test.each([
    ['a number', '4915112345678', { phone: '4915112345678' }],
    ['a number with its plus', '+4915112345678', { phone: '+4915112345678' }],
    ['case 24: one of Mexico, not repaired', '5215550001111', { phone: '5215550001111' }],
    ['a user id', 'US.13491208655302741918', { userId: 'US.13491208655302741918' }],
  ])('case 23: the identity is %s', (_, identity, known) => {
    expect(inbound({ text_message: { text: 'Hi' } }, { channel_identity: { ...whatsApp, identity } })).toMatchObject([
      [['inbound-messages/message', { customer: known }]],
    ]);
  });

  test.each<[string, object, unknown]>([
    ['when the customer sent it', {}, { sentAt: eventTime }],
    ['else when Sinch took it, marked', { event_time: undefined }, { sentAt: acceptedTime, estimated: true }],
    ['also with an empty time', { event_time: '' }, { sentAt: acceptedTime, estimated: true }],
    // Absurd, but a time: the gate puts it into quarantine.
    ['before WhatsApp', { event_time: '1970-01-01T00:00:00Z' }, { sentAt: '1970-01-01T00:00:00Z' }],
  ])('case 5: the time is %s', (_, times, told) => {
    expect(inbound({ text_message: { text: 'Hi' } }, {}, times)).toMatchObject([[['inbound-messages/message', told]]]);
  });

  test.each([
    ['no time at all', { event_time: undefined, accepted_time: undefined }],
    ['a time that is none, not the other one', { event_time: 'yesterday' }],
  ])('case 5: %s is put aside', (_, times) => {
    expect(inbound({ text_message: { text: 'Hi' } }, {}, times)).toEqual([{ fault: 'sentAt' }]);
  });

  test('the sender is the one it names, in the settings or as it is, else the one of its app or of the account', () => {
    const senderOf = (senderId: string | undefined, given: Partial<typeof context & { sender: string }>) =>
      became(
        {
          message: { id: '1', channel_identity: whatsApp, contact_message: { text_message: {} }, sender_id: senderId },
        },
        { ...context, ...given },
      );
    const is = (sender: string) => [[['inbound-messages/message', expect.objectContaining({ sender })]]];
    expect(senderOf('+15550783882', {})).toEqual(is('15550783882'));
    expect(senderOf('S-1', { senders: new Map([['S-1', '15550783883']]) })).toEqual(is('15550783883'));
    expect(senderOf('', {})).toEqual(is('15550783881'));
    expect(senderOf(undefined, { senders: new Map(), sender: '15550783884' })).toEqual(is('15550783884'));
    expect(senderOf(undefined, { senders: new Map() })).toEqual([{ fault: 'sender' }]);
  });

  test('of another channel is nothing, and of no channel put aside', () => {
    const sms = { ...whatsApp, channel: 'SMS' };
    expect(inbound({ text_message: { text: 'Hi' } }, { channel_identity: sms })).toEqual([[]]);
    expect(inbound({ text_message: { text: 'Hi' } }, { channel_identity: undefined })).toEqual([
      { fault: 'customer.phone' },
    ]);
  });

  test('with its content redacted is the same message', () => {
    const message = { id: '01MSG', channel_identity: whatsApp, contact_message: { text_message: { text: '***' } } };
    const redacted = sinchUpdates({ ...envelope, message_redaction: message }, context).flatMap(idsOf);
    expect(redacted).toEqual(sinchUpdates({ ...envelope, message }, context).flatMap(idsOf));
    expect(redacted).toEqual(['acme/sinch/message/15550783881/01MSG']);
  });
});

describe('EVENT_INBOUND', () => {
  const event = (more: object) =>
    became({ event: { id: '01EVT', direction: 'TO_APP', channel_identity: whatsApp, ...more } });

  test('case 19: a reaction is a message', () => {
    const reaction = { reaction_event: { emoji: '👍', action: 'REACTION_ACTION_REACT', message_id: '0' } };
    const data = { ...written, messageId: '01EVT', type: 'reaction', text: '👍' };
    expect(event({ contact_event: reaction })).toEqual([[['inbound-messages/message', data]]]);
    expect(event({ contact_message_event: reaction })).toEqual([[['inbound-messages/message', data]]]);
  });

  test.each([
    ['composing', { contact_event: { composing_event: {} } }],
    ['done with it', { contact_event: { composing_end_event: {} } }],
    ['paying', { contact_message_event: { payment_status_update_event: { payment_id: '1' } } }],
    ['on another channel', { channel_identity: { channel: 'RCS' }, contact_event: { juggling_event: {} } }],
  ])('case 20: a customer %s is nothing', (_, more) => {
    expect(event(more)).toEqual([[]]);
  });

  test.each([{ contact_event: { juggling_event: {} } }, {}])('that nobody understands is put aside: %j', (more) => {
    expect(event(more)).toEqual([{ fault: 'event' }]);
  });
});

describe('MESSAGE_DELIVERY and MESSAGE_SUBMIT', () => {
  const delivery = (item: object, more: object = {}) =>
    became({ message_delivery_report: { message_id: '01OUT', channel_identity: whatsApp, ...item }, ...more });
  const report = {
    account: 'acme',
    provider: 'sinch',
    sender: '15550783881',
    customer,
    providerMessageId: '01OUT',
    at: eventTime,
  };

  test.each([
    ['QUEUED_ON_CHANNEL', 'sent'],
    ['DELIVERED', 'delivered'],
    ['READ', 'read'],
    ['FAILED', 'failed'],
  ])('%s is %s', (given, status) => {
    expect(delivery({ status: given })).toEqual([[['delivery-reports/report', { ...report, status }]]]);
  });

  test('case 10: a submitted message was sent, and carries our correlation', () => {
    const submit = {
      message_id: '01OUT',
      channel_identity: whatsApp,
      submitted_message: {},
      metadata: 'acme/k/order-1',
    };
    expect(became({ message_submit_notification: submit })).toEqual([
      [['delivery-reports/report', { ...report, status: 'sent', correlation: 'acme/k/order-1' }]],
    ]);
  });

  test.each([
    [{ metadata: 'a/k/1' }, { message_metadata: 'a/k/2', correlation_id: 'a/k/3' }, 'a/k/1'],
    [{ metadata: '' }, { message_metadata: 'a/k/2', correlation_id: 'a/k/3' }, 'a/k/2'],
    [{}, { message_metadata: '', correlation_id: 'a/k/3' }, 'a/k/3'],
  ])('the correlation is in %j or %j', (item, more, correlation) => {
    expect(delivery({ status: 'READ', ...item }, more)).toMatchObject([[['delivery-reports/report', { correlation }]]]);
  });

  test('a failure says why, in the code of Sinch and in that of the channel', () => {
    const reason = {
      code: 'OUTSIDE_ALLOWED_SENDING_WINDOW',
      description: 'Too late',
      sub_code: 'X',
      channel_code: '131047',
    };
    expect(delivery({ status: 'FAILED', reason })).toEqual([
      [
        [
          'delivery-reports/report',
          {
            ...report,
            status: 'failed',
            error: { code: 'OUTSIDE_ALLOWED_SENDING_WINDOW', title: 'Too late', channelCode: '131047' },
          },
        ],
      ],
    ]);
  });

  test.each([
    ['while the channel is changed', { status: 'SWITCHING_CHANNEL' }],
    ['of another channel', { status: 'DELIVERED', channel_identity: { channel: 'SMS', identity: '4915112345678' } }],
  ])('%s it is nothing', (_, item) => {
    expect(delivery(item)).toEqual([[]]);
  });

  test.each([
    [{ status: 'LOST' }, 'status'],
    [{}, 'status'],
    [{ status: 'READ', message_id: undefined }, 'providerMessageId'],
  ])('that nobody understands is put aside: %j', (item, fault) => {
    expect(delivery(item)).toEqual([{ fault }]);
  });
});

describe('OPT_IN and OPT_OUT', () => {
  const notification = { request_id: 'r-1', contact_id: '', channel: 'WHATSAPP', identity: '4915112345678' };

  test.each([
    ['opt_in_notification', 'OPT_IN_SUCCEEDED', 'opted-in'],
    ['opt_out_notification', 'OPT_OUT_SUCCEEDED', 'opted-out'],
    // The customer said so, whether or not Sinch could note it.
    ['opt_out_notification', 'OPT_OUT_FAILED', 'opted-out'],
    ['opt_out_notification', 'OPT_OUT_STATUS_UNSPECIFIED', 'opted-out'],
  ])('%s with %s is %s of all', (key, said, status) => {
    const data = { account: 'acme', customer, scope: 'all', status, at: eventTime, source: 'sinch', reference: 'r-1' };
    expect(became({ [key]: { ...notification, status: said } })).toEqual([[['consents/consent', data]]]);
  });

  test.each([
    ['that failed', { status: 'OPT_IN_FAILED' }],
    ['on another channel', { status: 'OPT_IN_SUCCEEDED', channel: 'SMS' }],
  ])('an opt-in %s is nothing', (_, item) => {
    expect(became({ opt_in_notification: { ...notification, ...item } })).toEqual([[]]);
  });

  test.each([
    [{ status: 'OPT_IN_STATUS_UNSPECIFIED' }, 'status'],
    // Sinch knows the contact, and the gate does not.
    [{ status: 'OPT_OUT_SUCCEEDED', identity: undefined, contact_id: '01C' }, 'customer.phone'],
  ])('that nobody understands is put aside: %j', (item, fault) => {
    expect(became({ opt_out_notification: { ...notification, ...item } })).toEqual([{ fault }]);
  });

  test('without a request id a repeat is known by its time', () => {
    const body = {
      ...envelope,
      opt_out_notification: { ...notification, request_id: '', status: 'OPT_OUT_SUCCEEDED' },
    };
    expect(sinchUpdates(body, context).flatMap(idsOf)).toEqual([`acme/sinch/consent/opted-out/opted-out/${eventTime}`]);
  });
});

describe('case 22: CONTACT_MERGE', () => {
  const contactOf = (id: string, ...identities: readonly (readonly [string, string])[]) => ({
    id,
    channel_identities: identities.map(([channel, identity]) => ({ channel, identity })),
  });
  const identity = {
    account: 'acme',
    provider: 'sinch',
    relation: 'same',
    at: eventTime,
    reference: 'merge/01A/01B',
    receivedAt,
  };

  test('links every number and user id of both contacts with the first', () => {
    const merge = {
      preserved_contact: contactOf('01A', ['SMS', '1'], ['WHATSAPP', '4915112345678'], ['WHATSAPP', 'DE.ada']),
      deleted_contact: contactOf('01B', ['WHATSAPP', '4915100000000'], ['WHATSAPP', '4915112345678']),
    };
    expect(became({ contact_merge_notification: merge })).toEqual([
      [
        ['inbound-messages/identity', { ...identity, customer, other: { userId: 'DE.ada' } }],
        ['inbound-messages/identity', { ...identity, customer, other: { phone: '4915100000000' } }],
      ],
    ]);
  });

  test('also where only the id of the deleted contact is told', () => {
    const merge = {
      preserved_contact: contactOf('01A', ['WHATSAPP', '4915112345678'], ['WHATSAPP', 'DE.ada']),
      deleted_contact_id: '01B',
    };
    expect(became({ contact_merge_notification: merge })).toEqual([
      [['inbound-messages/identity', { ...identity, customer, other: { userId: 'DE.ada' } }]],
    ]);
  });

  test('of other channels is nothing', () => {
    const merge = {
      preserved_contact: contactOf('01A', ['SMS', '1']),
      deleted_contact: contactOf('01B', ['SMS', '2']),
    };
    expect(became({ contact_merge_notification: merge })).toEqual([[]]);
  });
});

describe('what no rule reads', () => {
  const rating = { channel: 'WHATSAPP', event_type: 'WHATS_APP_QUALITY_RATING_CHANGED', additional_data: {} };

  test.each<[string, object]>([
    ['CHANNEL_EVENT', { channel_event_notification: { channel_event: rating } }],
    ['CHANNEL_EVENT in its other shape', { channel_event: rating }],
    ['CAPABILITY', { capability_notification: { channel: 'WHATSAPP', capability_status: 'CAPABILITY_FULL' } }],
    ['EVENT_DELIVERY', { event_delivery_report: {} }],
    ['CONTACT_CREATE', { contact_create_notification: {} }],
    ['CONTACT_UPDATE', { contact_update_notification: {} }],
    ['CONTACT_DELETE', { contact_delete_notification: {} }],
    ['CONTACT_IDENTITIES_DUPLICATION', { duplicated_contact_identities_notification: {} }],
    ['CONVERSATION_START', { conversation_start_notification: {} }],
    ['CONVERSATION_STOP', { conversation_stop_notification: {} }],
    ['CONVERSATION_DELETE', { conversation_delete_notification: {} }],
    ['a limit of a sender', { trigger: 'WHATSAPP_SENDER_DAILY_LIMIT_CHANGED' }],
    ['a comment on a template', { trigger: 'WHATSAPP_TEMPLATE_COMMENT_ADDED' }],
  ])('%s is nothing', (_, body) => {
    expect(became(body)).toEqual([[]]);
  });

  test.each<[object, string]>([
    [
      { channel_event_notification: { channel_event: { ...rating, event_type: 'RENAMED' } } },
      'channel_event.event_type',
    ],
    [{ unsupported_callback: {} }, ''],
    [{}, ''],
    [{ message: 'Hi' }, ''],
    [{ trigger: 'WHATSAPP_FLOW_CHANGED' }, 'trigger'],
  ])('what nobody understands is put aside whole: %j', (body, fault) => {
    expect(became(body)).toEqual([{ fault }]);
    const [update] = sinchUpdates({ ...envelope, ...body }, context);
    expect(JSON.parse(update?.alone() ?? '')).toEqual({ ...envelope, ...body });
  });

  test.each([[[]], [null], ['Hi'], [7]])('so is what is no object: %j', (body) => {
    const [update] = sinchUpdates(body, context);
    expect(update && becameOf(update)).toEqual({ fault: '' });
    expect(JSON.parse(update?.alone() ?? '')).toEqual(body);
  });
});

describe('templates, by the Provisioning API', () => {
  const news = (trigger: string, template: object) => became({ trigger, eventTime, template });
  const hello = { name: 'hello', language: 'en_US' };
  const base = { account: 'acme', name: 'hello', language: 'en_US', at: eventTime };

  test.each([
    ['WHATSAPP_TEMPLATE_APPROVED', { category: 'UTILITY' }, { notice: 'APPROVED', category: 'utility' }],
    ['WHATSAPP_TEMPLATE_REJECTED', { rejectionCode: 'SCAM' }, { notice: 'REJECTED', reason: 'SCAM' }],
    ['WHATSAPP_TEMPLATE_DELETED', {}, { notice: 'DELETED' }],
    ['WHATSAPP_TEMPLATE_STATUS_UPDATED', { state: 'PAUSED' }, { notice: 'PAUSED' }],
    ['WHATSAPP_TEMPLATE_QUALITY_SCORE_UPDATED', { qualityScore: 'RED' }, { notice: 'QUALITY_RED' }],
  ])('%s is a notice', (trigger, more, notice) => {
    expect(news(trigger, { ...hello, ...more })).toEqual([[['template-approvals/notice', { ...base, ...notice }]]]);
  });

  test('a changed category, and one that is going to change (case 14)', () => {
    expect(news('WHATSAPP_TEMPLATE_CATEGORY_UPDATED', { ...hello, category: 'MARKETING' })).toEqual([
      [['template-approvals/recategorisation', { ...base, newCategory: 'marketing' }]],
    ]);
    const effectiveAt = '2026-05-05T12:00:00Z';
    expect(
      news('WHATSAPP_TEMPLATE_CATEGORY_FUTURE_UPDATE', { ...hello, newCategory: 'MARKETING', effectiveAt }),
    ).toEqual([[['template-approvals/recategorisation', { ...base, newCategory: 'marketing', effectiveAt }]]]);
  });

  test.each([
    [
      'beside the trigger',
      { type: 'WHATSAPP_TEMPLATE_APPROVED', ...hello, timestamp: Date.parse('2026-05-04T12:00:00Z') / 1_000 },
    ],
    [
      'in data',
      {
        eventType: 'WHATSAPP_TEMPLATE_APPROVED',
        data: { templateName: 'hello', languageCode: 'en_US', time: '2026-05-04T12:00:00.000Z' },
      },
    ],
    [
      'in data.template',
      { trigger: 'WHATSAPP_TEMPLATE_APPROVED', eventTime: '2026-05-04T12:00:00.000Z', data: { template: hello } },
    ],
  ])('wherever the body keeps them: %s', (_, body) => {
    expect(sinchUpdates(body, context).map(becameOf)).toEqual([
      [['template-approvals/notice', { ...base, at: '2026-05-04T12:00:00.000Z', notice: 'APPROVED' }]],
    ]);
  });

  test.each([
    ['WHATSAPP_TEMPLATE_APPROVED', { name: 'hello' }, 'language'],
    ['WHATSAPP_TEMPLATE_STATUS_UPDATED', { ...hello, changes: { status: 'IN_PROGRESS' } }, 'notice'],
    ['WHATSAPP_TEMPLATE_QUALITY_SCORE_UPDATED', hello, 'notice'],
    ['WHATSAPP_TEMPLATE_CATEGORY_UPDATED', hello, 'newCategory'],
    ['WHATSAPP_TEMPLATE_CATEGORY_FUTURE_UPDATE', { ...hello, newCategory: 'MARKETING' }, 'effectiveAt'],
    ['WHATSAPP_TEMPLATE_POLISHED', hello, 'trigger'],
  ])('%s that says too little is put aside', (trigger, template, fault) => {
    expect(news(trigger, template)).toEqual([{ fault }]);
  });

  test('without a time it is put aside', () => {
    expect(sinchUpdates({ trigger: 'WHATSAPP_TEMPLATE_APPROVED', ...hello }, context).map(becameOf)).toEqual([
      { fault: 'at' },
    ]);
  });
});
