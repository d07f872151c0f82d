import { describe, expect, test } from '@jest/globals';
import { becameOf, idsOf, webhookContext } from '#testing/webhooks';
import { metaUpdates } from './updates.js';

const sentAt = '2026-05-04T12:00:00.000Z';
const timestamp = String(Date.parse(sentAt) / 1_000);
const entryTime = Number(timestamp);
const metadata = { display_phone_number: '15550783881', phone_number_id: '106540352242922' };
const contact = { profile: { name: 'Ada' }, wa_id: '4915112345678', user_id: 'DE.ada' };
const chat = { account: 'acme', provider: 'meta', sender: '15550783881' };
const receivedAt = webhookContext.receivedAt;
const written = { ...chat, sentAt, receivedAt };

const webhook = (field: string, value: object, more: object = {}) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '102290129340398', time: entryTime, changes: [{ field, value }] }],
  ...more,
});
const became = (field: string, value: object) =>
  metaUpdates(webhook(field, { messaging_product: 'whatsapp', metadata, ...value }), webhookContext).map(becameOf);
const message = (item: object, contacts: readonly object[] = [contact]) =>
  became('messages', { contacts, messages: [{ from: '4915112345678', id: 'wamid.1', timestamp, ...item }] });

describe('messages of customers', () => {
  test.each<[string, object, object]>([
    ['text', { text: { body: 'Hi' } }, { text: 'Hi' }],
    ['image', { image: { id: '1', caption: 'Look' } }, { caption: 'Look' }],
    ['audio', { audio: { id: '1', voice: true } }, {}],
    ['video', { video: { id: '1', caption: 'Look' } }, { caption: 'Look' }],
    ['document', { document: { id: '1', filename: 'a.pdf', caption: 'STOP' } }, { caption: 'STOP' }],
    ['sticker', { sticker: { id: '1', animated: false } }, {}],
    ['location', { location: { latitude: 52.5, longitude: 13.4 } }, {}],
    ['contacts', { contacts: [{ name: { formatted_name: 'Bob' } }] }, {}],
    ['button', { button: { text: 'Stop', payload: 'leave' } }, { text: 'Stop' }],
    ['button', { button: { payload: 'leave' } }, { text: 'leave' }],
    [
      'interactive',
      { interactive: { type: 'button_reply', button_reply: { id: 'b', title: 'Yes' } } },
      { text: 'Yes' },
    ],
    ['interactive', { interactive: { type: 'list_reply', list_reply: { id: 'l', title: 'Red' } } }, { text: 'Red' }],
    ['interactive', { interactive: { type: 'nfm_reply', nfm_reply: { name: 'flow' } } }, {}],
    ['order', { order: { catalog_id: '1', text: 'Soon, please' } }, { text: 'Soon, please' }],
    ['reaction', { reaction: { message_id: 'wamid.0', emoji: '👍' } }, { text: '👍' }],
    ['reaction', { reaction: { message_id: 'wamid.0' } }, {}],
    ['unsupported', { errors: [{ code: 131051, title: 'Message type unknown' }] }, {}],
    ['edit', { edit: { original_message_id: 'wamid.0', message: { type: 'text', text: { body: 'STOP' } } } }, {}],
    ['revoke', { revoke: { original_message_id: 'wamid.0' } }, {}],
    ['hologram', { hologram: {} }, {}],
  ])('cases 19 and 20: %s (%#)', (type, content, said) => {
    const customer = { phone: '4915112345678', userId: 'DE.ada' };
    const data = { ...written, customer, messageId: 'wamid.1', type, origin: 'customer', ...said, profileName: 'Ada' };
    expect(message({ type, ...content })).toEqual([[['inbound-messages/message', data]]]);
  });

  test.each<[string, object, readonly object[], object]>([
    ['number only', {}, [], { phone: '4915112345678' }],
    ['both', { from_user_id: 'DE.ada' }, [], { phone: '4915112345678', userId: 'DE.ada' }],
    ['number, and the user id with the contact', {}, [contact], { phone: '4915112345678', userId: 'DE.ada' }],
    ['user id only', { from: undefined, from_user_id: 'DE.ada' }, [{ user_id: 'DE.ada' }], { userId: 'DE.ada' }],
    ['the only contact', { from: undefined }, [{ user_id: 'DE.ada' }], { userId: 'DE.ada' }],
    ['another contact', {}, [{ wa_id: '15550000000', user_id: 'US.1' }], { phone: '4915112345678' }],
    ['case 24: a number that Meta may write in two ways', { from: '5215550001111' }, [], { phone: '5215550001111' }],
  ])('case 23: who wrote: %s', (_, who, contacts, customer) => {
    expect(message({ type: 'text', text: { body: 'Hi' }, ...who }, contacts)).toMatchObject([
      [['inbound-messages/message', { customer }]],
    ]);
  });

  test.each<[string, unknown, unknown]>([
    ['none', undefined, { fault: 'sentAt' }],
    ['not a number', 'yesterday', { fault: 'sentAt' }],
    ['negative', '-1', { fault: 'sentAt' }],
    ['broken', '1777896000.5', { fault: 'sentAt' }],
    ['milliseconds', '1777896000000', { fault: 'sentAt' }],
    ['beyond all calendars', '999999999999999', { fault: 'sentAt' }],
    // Absurd, but a time: the gate puts it into quarantine.
    ['before WhatsApp', '0', [['inbound-messages/message', { sentAt: '1970-01-01T00:00:00.000Z' }]]],
    // The gate clamps it (case 4).
    ['ahead', '1999999999', [['inbound-messages/message', { sentAt: '2033-05-18T03:33:19.000Z' }]]],
    ['as a number', entryTime + 0.5, [['inbound-messages/message', { sentAt: '2026-05-04T12:00:00.500Z' }]]],
    ['as a whole number', entryTime, [['inbound-messages/message', { sentAt }]]],
  ])('cases 4 and 5: the time is never invented: %s', (_, time, update) => {
    expect(message({ type: 'text', text: { body: 'Hi' }, timestamp: time })).toMatchObject([update]);
  });

  test('case 1: a repeat has the same id, and another number of ours another one', () => {
    const ids = (phoneId: string, number: string) =>
      metaUpdates(
        webhook('messages', {
          metadata: { display_phone_number: number, phone_number_id: phoneId },
          messages: [{ from: '4915112345678', id: 'wamid.1', timestamp, type: 'text' }],
        }),
        webhookContext,
      ).flatMap(idsOf);
    expect(ids('1', '15550783881')).toEqual(['acme/meta/message/15550783881/wamid.1']);
    expect(ids('1', '15550783881')).toEqual(ids('1', '15550783881'));
    expect(ids('1', '15550783882')).not.toEqual(ids('1', '15550783881'));
  });

  test('the sender is the number that Meta displays, however it writes it, or the one in the settings', () => {
    const sender = (displayed: string | undefined, senders: ReadonlyMap<string, string> = new Map()) =>
      metaUpdates(
        webhook('messages', {
          metadata: { display_phone_number: displayed, phone_number_id: '106' },
          messages: [{ from: '4915112345678', id: 'wamid.1', timestamp, type: 'text' }],
        }),
        { ...webhookContext, senders },
      ).map(becameOf);
    expect(sender('+1 (555) 078-3881')).toMatchObject([[[expect.anything(), { sender: '15550783881' }]]]);
    expect(sender('1', new Map([['106', '15550783881']]))).toMatchObject([
      [[expect.anything(), { sender: '15550783881' }]],
    ]);
    expect(sender(undefined)).toEqual([{ fault: 'sender' }]);
  });

  test('of a group are put aside', () => {
    expect(message({ type: 'text', text: { body: 'Hi all' }, group_id: 'G' })).toEqual([{ fault: 'group_id' }]);
  });

  test.each([
    ['no id', { id: undefined }, 'messageId'],
    ['nobody', { from: undefined }, 'customer.phone'],
    ['no type', { type: undefined }, 'type'],
    ['a number that is none', { from: 'wa_user' }, 'customer.phone'],
  ])('that say too little are put aside: %s', (_, lack, fault) => {
    expect(message({ type: 'text', text: { body: 'Hi' }, ...lack }, [])).toEqual([{ fault }]);
  });
});

describe('case 20: what is not the customer’s word', () => {
  test('echoes of staff in the app carry the origin echo', () => {
    const echo = {
      from: '15550783881',
      to: '4915112345678',
      id: 'wamid.2',
      timestamp,
      type: 'text',
      text: { body: 'Hi' },
    };
    const customer = { phone: '4915112345678' };
    const data = { ...written, customer, messageId: 'wamid.2', type: 'text', origin: 'echo', text: 'Hi' };
    expect(became('smb_message_echoes', { message_echoes: [echo] })).toEqual([[['inbound-messages/message', data]]]);
  });

  test.each<[string, object, object, object, object]>([
    [
      'the number',
      { from: '4915112345678', from_user_id: 'DE.old' },
      { type: 'user_changed_number', wa_id: '4915100000000', user_id: 'DE.new' },
      { phone: '4915112345678', userId: 'DE.old' },
      { phone: '4915100000000', userId: 'DE.new' },
    ],
    [
      'the number, as older versions have it',
      { from: '4915112345678' },
      { type: 'customer_changed_number', new_wa_id: '4915100000000' },
      { phone: '4915112345678' },
      { phone: '4915100000000' },
    ],
    [
      'the user id',
      { from: '4915100000000', from_user_id: 'DE.old' },
      { type: 'user_changed_user_id', wa_id: '4915100000000', user_id: 'DE.new' },
      { userId: 'DE.old' },
      { phone: '4915100000000', userId: 'DE.new' },
    ],
  ])('case 22: a system notice that a person changed %s', (_, from, system, other, customer) => {
    const notice = { id: 'wamid.3', timestamp, type: 'system', system: { body: 'Ada changed', ...system }, ...from };
    const identity = { account: 'acme', provider: 'meta', customer, other, relation: 'changed', at: sentAt };
    expect(became('messages', { messages: [notice] })).toEqual([
      [
        [
          'inbound-messages/message',
          {
            ...written,
            customer: other,
            messageId: 'wamid.3',
            type: 'system',
            origin: 'customer',
            text: 'Ada changed',
          },
        ],
        ['inbound-messages/identity', { ...identity, reference: 'wamid.3', receivedAt }],
      ],
    ]);
  });

  test.each([
    ['says nothing of the former one', {}, { type: 'user_changed_user_id', user_id: 'DE.new' }, { userId: 'DE.new' }],
    [
      'is about a security code',
      { from: '4915112345678' },
      { type: 'customer_identity_changed' },
      { phone: '4915112345678' },
    ],
  ])('a system notice that %s links nobody', (_, from, system, customer) => {
    const notice = { id: 'wamid.3', timestamp, type: 'system', system, ...from };
    expect(became('messages', { messages: [notice] })).toMatchObject([
      [['inbound-messages/message', { type: 'system', customer }]],
    ]);
    expect(became('messages', { messages: [notice] })[0]).toHaveLength(1);
  });

  test('case 22: user_id_update says which user id came after which', () => {
    const update = {
      wa_id: '4915112345678',
      detail: 'User changed phone number',
      user_id: { previous: 'DE.old', current: 'DE.new' },
      timestamp,
    };
    const [customer, other] = [{ userId: 'DE.new' }, { userId: 'DE.old' }];
    expect(became('user_id_update', { user_id_update: [update] })).toMatchObject([
      [['inbound-messages/identity', { customer, other, relation: 'changed', at: sentAt }]],
    ]);
  });
});

describe('case 21: calls', () => {
  const call = (item: object) =>
    became('calls', {
      contacts: [contact],
      calls: [{ id: 'wacid.1', from: '4915112345678', to: '15550783881', timestamp, ...item }],
    });
  const base = { ...chat, customer: { phone: '4915112345678', userId: 'DE.ada' }, callId: 'wacid.1', receivedAt };
  const start = '2026-05-04T11:58:00.000Z';

  test('that were answered count from their start', () => {
    const answered = {
      direction: 'USER_INITIATED',
      event: 'terminate',
      status: 'COMPLETED',
      start_time: String(Date.parse(start) / 1_000),
      end_time: timestamp,
      duration: 120,
    };
    expect(call(answered)).toEqual([[['inbound-messages/call', { ...base, outcome: 'answered', startedAt: start }]]]);
  });

  test('that were missed count from when Meta told, marked', () => {
    expect(call({ direction: 'USER_INITIATED', event: 'terminate', status: 'FAILED' })).toEqual([
      [['inbound-messages/call', { ...base, outcome: 'missed', startedAt: sentAt, estimated: true }]],
    ]);
  });

  test.each([
    ['just begin', { direction: 'USER_INITIATED', event: 'connect', session: { sdp_type: 'offer' } }],
    ['the business began', { direction: 'BUSINESS_INITIATED', event: 'terminate', status: 'COMPLETED' }],
  ])('that %s are nothing', (_, item) => {
    expect(call(item)).toEqual([[]]);
  });

  test.each([
    [{ event: 'terminate', status: 'COMPLETED' }, 'direction'],
    [{ direction: 'USER_INITIATED', event: 'terminate', status: 'LOST' }, 'event'],
    [{ direction: 'USER_INITIATED', event: 'hold' }, 'event'],
    [{ direction: 'USER_INITIATED', event: 'terminate', status: 'FAILED', id: undefined }, 'callId'],
  ])('that nobody understands are put aside: %j', (item, fault) => {
    expect(call(item)).toEqual([{ fault }]);
  });

  test('accepted by the customer, that the business began, open nothing', () => {
    const status = { id: 'wacid.1', timestamp, type: 'call', status: 'ACCEPTED', recipient_id: '4915112345678' };
    expect(became('calls', { statuses: [status] })).toEqual([[]]);
  });
});

describe('statuses', () => {
  const status = (item: object) =>
    became('messages', { statuses: [{ id: 'wamid.9', timestamp, recipient_id: '4915112345678', ...item }] });
  const base = { ...chat, customer: { phone: '4915112345678' }, providerMessageId: 'wamid.9', at: sentAt };

  test.each([
    ['sent', 'sent'],
    ['delivered', 'delivered'],
    ['read', 'read'],
    ['played', 'read'],
    ['failed', 'failed'],
  ])('%s is %s', (given, known) => {
    expect(status({ status: given })).toEqual([[['delivery-reports/report', { ...base, status: known }]]]);
  });

  test('carry our correlation, and the error of a failure', () => {
    const item = {
      status: 'failed',
      recipient_user_id: 'DE.ada',
      biz_opaque_callback_data: 'acme/k/order-1',
      errors: [{ code: 131047, title: 'Re-engagement message', error_data: { details: 'More than 24 hours' } }],
    };
    expect(status(item)).toEqual([
      [
        [
          'delivery-reports/report',
          {
            ...base,
            customer: { phone: '4915112345678', userId: 'DE.ada' },
            status: 'failed',
            correlation: 'acme/k/order-1',
            error: { code: '131047', title: 'Re-engagement message' },
          },
        ],
      ],
    ]);
  });

  test('need no recipient', () => {
    const { customer: _, ...anonymous } = base;
    expect(status({ status: 'sent', recipient_id: undefined })).toEqual([
      [['delivery-reports/report', { ...anonymous, status: 'sent' }]],
    ]);
  });

  test.each([
    [{ status: 'warning' }, 'status'],
    [{ status: 'constructor' }, 'status'],
    [{ status: 'sent', id: undefined }, 'providerMessageId'],
    [{ status: 'sent', timestamp: undefined }, 'at'],
    [{ status: 'read', recipient_type: 'group' }, 'recipient_type'],
  ])('that nobody understands are put aside: %j', (item, fault) => {
    expect(status(item)).toEqual([{ fault }]);
  });

  test('differ in their id by what they say', () => {
    const ids = ['sent', 'read', 'read'].flatMap((said) =>
      metaUpdates(
        webhook('messages', { statuses: [{ id: 'wamid.9', timestamp, status: said }] }),
        webhookContext,
      ).flatMap(idsOf),
    );
    expect(new Set(ids).size).toBe(2);
  });
});

describe('user_preferences', () => {
  const preference = (item: object) =>
    became('user_preferences', {
      user_preferences: [
        { wa_id: '4915112345678', detail: 'x', category: 'marketing_messages', timestamp: entryTime, ...item },
      ],
    });

  test.each([
    ['stop', 'opted-out'],
    ['resume', 'opted-in'],
  ])('%s is %s of marketing', (value, status) => {
    const customer = { phone: '4915112345678' };
    const reference = `user_preferences/${value}/${sentAt}`;
    expect(preference({ value })).toEqual([
      [
        [
          'consents/consent',
          { account: 'acme', customer, scope: 'marketing', status, at: sentAt, source: 'meta', reference },
        ],
      ],
    ]);
  });

  test.each([
    [{ value: 'pause' }, 'category'],
    [{ value: 'stop', category: 'utility_messages' }, 'category'],
    [{ value: 'stop', timestamp: undefined }, 'at'],
    [{ value: 'stop', wa_id: undefined }, 'customer.phone'],
  ])('that nobody understands are put aside: %j', (item, fault) => {
    expect(preference(item)).toEqual([{ fault }]);
  });
});

describe('templates', () => {
  const identity = { message_template_id: 1, message_template_name: 'hello', message_template_language: 'pt_BR' };
  const base = { account: 'acme', name: 'hello', language: 'pt_BR', at: sentAt };

  test.each(
    ['APPROVED', 'REJECTED', 'PENDING', 'PAUSED', 'DISABLED', 'FLAGGED', 'REINSTATED', 'IN_APPEAL', 'LOCKED']
      .concat(['LIMIT_EXCEEDED', 'PENDING_DELETION', 'DELETED', 'ARCHIVED', 'UNARCHIVED', 'POLISHED'])
      .map((event) => [event]),
  )('case 13: the event %s goes on as Meta names it', (event) => {
    expect(became('message_template_status_update', { ...identity, event, reason: 'NONE' })).toEqual([
      [['template-approvals/notice', { ...base, notice: event }]],
    ]);
  });

  test('with its category and why', () => {
    const update = {
      ...identity,
      event: 'PAUSED',
      message_template_category: 'MARKETING',
      reason: null,
      other_info: { title: 'FIRST_PAUSE', description: 'Paused for 3 hours' },
    };
    expect(became('message_template_status_update', update)).toEqual([
      [
        [
          'template-approvals/notice',
          { ...base, notice: 'PAUSED', category: 'marketing', reason: 'FIRST_PAUSE, Paused for 3 hours' },
        ],
      ],
    ]);
  });

  test.each(['message_template_quality_update', 'message_template_status_update'])(
    'the quality, also under the field %s',
    (field) => {
      const update = { ...identity, previous_quality_score: 'GREEN', new_quality_score: 'YELLOW' };
      expect(became(field, update)).toEqual([
        [['template-approvals/notice', { ...base, notice: 'QUALITY_YELLOW', reason: 'quality GREEN to YELLOW' }]],
      ]);
    },
  );

  test('a category that changed', () => {
    const update = { ...identity, previous_category: 'UTILITY', new_category: 'MARKETING' };
    expect(became('template_category_update', update)).toEqual([
      [['template-approvals/recategorisation', { ...base, newCategory: 'marketing' }]],
    ]);
  });

  test('case 14: a category that is going to change, at its time', () => {
    const effectiveAt = '2026-05-05T12:00:00.000Z';
    const update = {
      ...identity,
      new_category: 'UTILITY',
      correct_category: 'MARKETING',
      category_update_timestamp: Date.parse(effectiveAt) / 1_000,
    };
    expect(became('template_category_update', update)).toEqual([
      [['template-approvals/recategorisation', { ...base, newCategory: 'marketing', effectiveAt }]],
    ]);
  });

  test.each([
    [{ ...identity }, 'event'],
    [{ ...identity, message_template_name: undefined, event: 'APPROVED' }, 'name'],
    [{ ...identity, new_category: 'SECRET' }, 'newCategory'],
    [{ ...identity, new_category: 'UTILITY', correct_category: 'MARKETING' }, 'effectiveAt'],
    [{ ...identity, new_quality_score: 7 }, 'notice'],
  ])('that nobody understands are put aside: %j', (value, fault) => {
    expect(became('message_template_status_update', value)).toEqual([{ fault }]);
  });
});

describe('a webhook', () => {
  const text = (id: string, more: object = {}) => ({ from: '4915112345678', id, timestamp, type: 'text', ...more });

  test('holds many updates of several entries and changes, and keeps their order', () => {
    const body = {
      object: 'whatsapp_business_account',
      entry: [
        { id: '1', time: 1, changes: [{ field: 'messages', value: { metadata, messages: [text('a'), text('b')] } }] },
        {
          id: '2',
          time: 1,
          changes: [
            {
              field: 'messages',
              value: { metadata, messages: [text('c')], statuses: [{ id: 'a', status: 'read', timestamp }] },
            },
            { field: 'messages', value: { metadata, messages: [text('d')] } },
          ],
        },
      ],
    };
    expect(metaUpdates(body, webhookContext).flatMap(idsOf)).toEqual([
      'acme/meta/message/15550783881/a',
      'acme/meta/message/15550783881/b',
      'acme/meta/message/15550783881/c',
      'acme/meta/status/a/read',
      'acme/meta/message/15550783881/d',
    ]);
  });

  test.each([
    ['no object', {}, 'object'],
    ['of another product', { object: 'page', entry: [] }, 'object'],
    ['without entries', { object: 'whatsapp_business_account' }, 'object'],
    ['with an entry without changes', { object: 'whatsapp_business_account', entry: [null] }, 'entry.changes'],
    ['with a change that is none', { ...webhook('messages', {}), entry: [{ changes: ['x'] }] }, 'entry.changes.value'],
    ['of an unknown field', webhook('flows', { flow_id: 1 }), 'entry.changes.value'],
    ['with errors only', webhook('messages', { errors: [{ code: 130429 }] }), 'entry.changes.value'],
    ['that is an array', [], 'object'],
    ['that is null', null, 'object'],
  ])('%s is put aside whole', (_, body, fault) => {
    const [update, ...others] = metaUpdates(body, webhookContext);
    expect(others).toEqual([]);
    expect(update && becameOf(update)).toEqual({ fault });
    expect(JSON.parse(update?.alone() ?? '')).toEqual(body);
  });

  test('case 37: one bad update of many can be sent again alone, with its author and nobody else', () => {
    const other = { wa_id: '4915100000000', profile: { name: 'Bob' } };
    const bad = text('b', { timestamp: 'soon' });
    const value = { metadata, contacts: [other, contact], messages: [text('a'), bad], statuses: [{ id: 'a' }] };
    const [good, update] = metaUpdates(webhook('messages', value), webhookContext);
    expect(good && becameOf(good)).toHaveLength(1);
    expect(update && becameOf(update)).toEqual({ fault: 'sentAt' });
    expect(JSON.parse(update?.alone() ?? '')).toEqual(
      webhook('messages', { metadata, contacts: [contact], messages: [bad] }),
    );
  });
});
