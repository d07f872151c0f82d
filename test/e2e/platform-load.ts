import type { SimulatedAccount } from '#apps/simulator/options';

// Two businesses at both providers, and customers of theirs who lead different lives.

type Account = 'acme' | 'beta';
/** Several: Sinch says "too fast" where it fails and may be asked again, and the gate then rests the sender for seconds. */
const SINCH_SENDERS = Array.from({ length: 20 }, (_, number) => String(4_930_901_820 + number));
const appOf = (sender: string): string => `app-${sender}`;
const META_SENDER = '15550783881';
export const senders: { readonly [account in Account]: readonly string[] } = {
  acme: [...SINCH_SENDERS, META_SENDER],
  beta: [META_SENDER],
};
/** To one customer: more than the platform takes at once. */
const BUSY = 47;
export const TURNS = 4;

const sinch = {
  projectId: 'p1',
  keyId: 'k1',
  keySecret: 'key-secret',
  apps: Object.fromEntries(SINCH_SENDERS.map((sender) => [sender, appOf(sender)])),
};
const metaOf = (account: Account) => ({
  accessToken: `token-${account}`,
  phoneNumberIds: { [META_SENDER]: account === 'acme' ? '1065' : '2065' },
});
const templates = [{ name: 'receipt', language: 'en', category: 'utility' }] as const;

/** What the platform knows of the businesses. */
export const simulatedAccounts: { readonly [account in Account]: SimulatedAccount } = {
  acme: {
    sinch: { ...sinch, webhookSecret: 'webhook-secret' },
    meta: { ...metaOf('acme'), appSecret: 'app-secret' },
    templates,
  },
  beta: { meta: { ...metaOf('beta'), appSecret: 'app-secret' }, templates },
};

/** The files of TIDEGATE_PROVIDER and TIDEGATE_WEBHOOKS. */
export const settingsFiles = (api: string, webhooksPort: number) => ({
  provider: {
    accounts: {
      acme: {
        sinch: { ...sinch, region: 'eu', apiUrl: api, authUrl: api, perSecond: 1_000 },
        meta: { ...metaOf('acme'), apiUrl: api, perSecond: 1_000 },
      },
      beta: { meta: { ...metaOf('beta'), apiUrl: api, perSecond: 1_000 } },
    },
  },
  webhooks: {
    listen: { port: webhooksPort },
    accounts: {
      acme: {
        sinch: {
          secrets: ['webhook-secret'],
          senders: Object.fromEntries(SINCH_SENDERS.map((sender) => [appOf(sender), sender])),
        },
        meta: { secrets: ['app-secret'], verifyToken: 'verify-me' },
      },
      beta: { meta: { secrets: ['app-secret'], verifyToken: 'verify-me' } },
    },
  },
});

/** Each life meets other rules. */
const lives = ['sinch', 'meta', 'stranger', 'stopping', 'waited-for'] as const;
export interface Person {
  readonly phone: string;
  readonly life: (typeof lives)[number] | 'busy';
  readonly account: Account;
  readonly sender: string;
}

/** As many as take so many intents in `TURNS`; the first one gets more than the platform takes at once. */
export const peopleFor = (intents: number): readonly Person[] => [
  { phone: '491600000000', life: 'busy', account: 'beta', sender: META_SENDER },
  ...Array.from({ length: Math.ceil(intents / TURNS) }, (_, number): Person => {
    const life = lives[number % lives.length] ?? 'sinch';
    const account = number % 3 === 0 ? 'beta' : 'acme';
    const [bySinch = META_SENDER] = SINCH_SENDERS.slice(number % SINCH_SENDERS.length);
    const sender = account === 'acme' && life !== 'meta' ? bySinch : META_SENDER;
    return { phone: String(491_700_000_000 + number), life, account, sender };
  }),
];

export const providerOf = ({ sender }: Person) => (sender === META_SENDER ? 'meta' : 'sinch');

export interface Wish {
  readonly person: Person;
  readonly intentId: string;
  readonly body: object;
}

export const nameOf = ({ person: { account, phone }, intentId }: Wish): string => `${account}/${phone}/${intentId}`;

const receipt = { name: 'receipt', language: 'en' };

/** The `turn`-th intent to a person: replies and templates in turn. */
const wishOf = (person: Person, turn: number): Wish => {
  const { phone, life, account, sender } = person;
  const intentId = `${life}-${turn}`;
  const isTemplate = turn % 4 === 3 && life !== 'waited-for';
  const terms =
    life === 'waited-for'
      ? { whenClosed: 'hold' }
      : turn % 4 === 1
        ? { whenClosed: 'fallback', fallback: receipt }
        : {};
  const message = isTemplate ? { type: 'template', ...receipt } : { type: 'text', text: 'Your parcel is on its way.' };
  return { person, intentId, body: { account, customer: { phone: `+${phone}` }, intentId, sender, message, ...terms } };
};

/** What goes out in one turn. */
export const wishesOf = (people: readonly Person[], turn: number): readonly Wish[] =>
  people.flatMap((person) => {
    if (person.life !== 'busy') return [wishOf(person, turn)];
    return turn === 0 ? Array.from({ length: BUSY }, (_, index) => wishOf(person, index * 4)) : [];
  });
