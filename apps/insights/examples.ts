// The examples of the API's description. A test holds them against its schemas.

const CUSTOMER = 'tW7lR0dQID0O7aIwxKEyL_fwEX';

export const intentExample = {
  account: 'acme',
  customer: { phone: '+4915112345678' },
  intentId: 'order-1',
  sender: '4930123456',
  message: { type: 'text', text: 'Your parcel is on its way.' },
  whenClosed: 'fallback',
  fallback: { name: 'receipt', language: 'en' },
};

export const referenceExample = {
  intentId: 'order-1',
  href: `/v1/accounts/acme/customers/${CUSTOMER}/intents/order-1`,
};

export const settlementExample = { outcome: 'failed', settledBy: 'jane@acme.example' };

export const decisionExample = {
  account: 'acme',
  customer: CUSTOMER,
  intentId: 'order-1',
  outcome: 'authorised',
  delivery: 'accepted',
  sender: '4930123456',
  commandId: '0d4c2f3e-6f0e-5c5c-9b6f-0d9a3c1f7a11',
  decidedAt: '2026-05-04T12:00:00.000Z',
  revision: 4,
  ordinal: 1,
  content: 'own',
  validUntil: '2026-05-05T08:59:00.000Z',
  usesSlot: false,
  rule: '6',
  trace: { '3': 'passed', '4': 'passed', '5': 'passed', '6': 'applies' },
  policy: 'sinch-2021@1',
  cost: 'included',
  evidence: { customerRevision: 3, accountRevision: 2, windowEnd: '2026-05-05T09:00:00.000Z' },
  intent: {
    intentId: 'order-1',
    sender: '4930123456',
    content: { kind: 'session', messageType: 'text' },
    whenClosed: 'fallback',
    fallback: { kind: 'template', name: 'receipt', language: 'en', parameters: [] },
    whenPaused: 'refuse',
  },
};

export const customerExample = {
  account: 'acme',
  customer: CUSTOMER,
  revision: 4,
  policy: 'sinch-2021@1',
  asOf: '2026-05-04T12:00:00.000Z',
  windows: [
    {
      sender: '4930123456',
      state: 'open',
      openerAt: '2026-05-04T09:00:00.000Z',
      endsAt: '2026-05-05T09:00:00.000Z',
      closesAt: '2026-05-05T08:59:00.000Z',
      remainingMs: 75_540_000,
    },
  ],
  consents: [{ scope: 'all', status: 'in', at: '2026-05-01T10:00:00.000Z', source: 'web-form' }],
  cooldowns: [],
};

export const templatesExample = {
  templates: [
    {
      name: 'receipt',
      language: 'en',
      status: 'APPROVED',
      statusAt: '2026-05-01T10:00:00.000Z',
      category: 'utility',
      parameters: [],
      revision: 0,
    },
  ],
};

export const clockExample = { now: '2026-05-04T12:00:00.000Z', rate: 1, kind: 'steerable' };

const fact = { account: 'acme', at: '2026-05-04T09:00:00Z' };
const receipt = { ...fact, name: 'receipt', language: 'en' };

/** By topic and kind. */
export const factExamples = {
  'accounts/register-account': { value: { account: 'acme', zone: 'Europe/Berlin' } },
  'accounts/register-sender': {
    value: { account: 'acme', sender: '4930123456', onboardedAt: '2026-01-01T00:00:00Z' },
  },
  'template-approvals/notice': { value: { ...receipt, notice: 'APPROVED', category: 'utility' } },
  'consents/consent': {
    value: {
      ...fact,
      customer: { phone: '+4915112345678' },
      scope: 'all',
      status: 'opted-in',
      source: 'web-form',
      reference: 'form-4711',
    },
  },
  'inbound-messages/message': {
    value: {
      account: 'acme',
      provider: 'meta',
      sender: '4930123456',
      customer: { phone: '+4915112345678' },
      messageId: 'wamid.1',
      type: 'text',
      text: 'Where is my parcel?',
      sentAt: '2026-05-04T09:00:00Z',
    },
  },
  'delivery-reports/report': {
    value: { ...fact, providerMessageId: 'wamid.2', status: 'delivered', provider: 'meta' },
  },
  batch: {
    value: {
      facts: [
        { ...receipt, notice: 'APPROVED' },
        { ...receipt, name: 'offer', notice: 'PAUSED' },
      ],
    },
  },
};

export const sessionsExample = {
  sessions: [
    {
      id: '9c1d2a44-8b0e-5d1c-9f3a-2f6b5c0e7d10',
      account: 'acme',
      customer: CUSTOMER,
      sender: '4930123456',
      openedAt: '2026-11-04T09:00:00.000Z',
      endsAt: '2026-11-05T10:30:00.000Z',
      openerAt: '2026-11-04T10:30:00.000Z',
      correctedAt: null,
      changedAt: null,
      restarts: 1,
      received: { text: 2 },
      sentSession: 1,
      sentTemplate: 0,
      sentEcho: 0,
      firstReplyAt: '2026-11-04T09:02:30.000Z',
      firstReplyMs: 150_000,
    },
  ],
  next: null,
};

export const activeUsersExample = {
  users: [
    {
      customer: CUSTOMER,
      firstAt: '2026-11-04T09:00:00.000Z',
      firstEventId: '9c1d2a44-8b0e-5d1c-9f3a-2f6b5c0e7d10',
      rule: 'sent-or-received-v1',
      zone: 'Europe/Berlin',
    },
  ],
  next: null,
};

export const monthExample = {
  account: 'acme',
  month: '2026-11',
  zone: 'Europe/Berlin',
  rule: 'sent-or-received-v1',
  from: '2026-10-31T23:00:00.000Z',
  until: '2026-11-30T23:00:00.000Z',
  users: 310,
  allowance: 500,
  overage: 0,
  usersByDay: { '1': 160, '2': 80, '3': 70 },
  forecast: { kind: 'expected', day: 6, newUsersPerDay: 88.6 },
  closesAt: '2026-12-03T23:00:00.000Z',
  closed: null,
};

export const decidedExample = {
  decisions: [
    {
      intentId: 'order-1',
      customer: CUSTOMER,
      sender: '4930123456',
      decidedAt: '2026-11-04T09:02:29.000Z',
      outcome: 'authorised',
      reason: null,
      rule: '6',
      policy: 'sinch-2021@1',
      cost: 'included',
      kind: 'session',
      template: null,
      language: null,
      sentAt: '2026-11-04T09:02:30.000Z',
      deliveredAt: '2026-11-04T09:02:31.000Z',
      failure: null,
    },
  ],
  next: null,
};

export const revisedExample = {
  revised: [
    {
      intentId: 'order-1',
      customer: CUSTOMER,
      sender: '4930123456',
      decision: '0d4c2f3e-6f0e-5c5c-9b6f-0d9a3c1f7a11',
      decidedAt: '2026-11-04T10:02:00.000Z',
      outcome: 'refused',
      reason: 'window-closed',
      revisedOutcome: 'authorised',
      revisedReason: null,
      fact: 'CustomerMessageReceived',
      because: '9b0e6c7d-2a41-5b8e-9c3d-7e5f1a2b3c4d',
      trueAt: '2026-11-04T09:58:30.000Z',
      recordedAt: '2026-11-04T10:17:04.210Z',
    },
  ],
  next: null,
};

export const countsExample = {
  from: '2026-11-04T09:00:00.000Z',
  until: '2026-11-04T11:00:00.000Z',
  totals: [
    { outcome: 'authorised', reason: null, decisions: 211 },
    { outcome: 'refused', reason: 'window-closed', decisions: 17 },
  ],
  revised: [
    {
      outcome: 'refused',
      reason: 'window-closed',
      revisedOutcome: 'authorised',
      revisedReason: null,
      decisions: 2,
    },
  ],
  hours: [
    { hour: '2026-11-04T09:00:00.000Z', outcome: 'authorised', reason: null, decisions: 120 },
    { hour: '2026-11-04T10:00:00.000Z', outcome: 'authorised', reason: null, decisions: 91 },
    { hour: '2026-11-04T10:00:00.000Z', outcome: 'refused', reason: 'window-closed', decisions: 17 },
  ],
};

export const explanationExample = {
  account: 'acme',
  customer: CUSTOMER,
  intentId: 'order-1',
  decisions: [
    {
      id: '0d4c2f3e-6f0e-5c5c-9b6f-0d9a3c1f7a11',
      revision: 4,
      at: '2026-05-04T12:00:00.000Z',
      said: { outcome: 'authorised', content: 'own' },
      rule: '6',
      differences: [],
      revisions: [
        {
          id: '5e1b8d0a-1f53-5f2c-8f0e-3f6f2a9d4c21',
          was: { outcome: 'authorised' },
          withLateFacts: { outcome: 'refused', reason: 'opted-out' },
          because: '9b0e6c7d-2a41-5b8e-9c3d-7e5f1a2b3c4d',
          fact: 'CustomerOptedOut',
          trueAt: '2026-05-04T11:58:00.000Z',
          recordedAt: '2026-05-04T12:03:10.000Z',
        },
      ],
    },
  ],
  course: [],
  agrees: true,
};

export const asOfExample = {
  account: 'acme',
  customer: CUSTOMER,
  at: '2026-05-04T12:00:00.000Z',
  trueThen: { windows: { '4930123456': { openerAt: '2026-05-04T09:00:00.000Z', open: true } }, policy: 'sinch-2021@1' },
};
