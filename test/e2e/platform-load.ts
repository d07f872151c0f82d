import type { SimulatedAccount } from '#apps/simulator/options';

// Two businesses at both providers, and customers of theirs who lead different lives.

const SINCH_SENDER = '4930901820';
const META_SENDER = '15550783881';
export const senders = { acme: [SINCH_SENDER, META_SENDER], beta: [META_SENDER] } as const;
type Account = keyof typeof senders;
/** To one customer: more than the platform takes at once. */
const BUSY = 47;
export const TURNS = 4;

const sinch = { projectId: 'p1', keyId: 'k1', keySecret: 'key-secret', apps: { [SINCH_SENDER]: 'app1' } };
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
        sinch: { secrets: ['webhook-secret'], senders: { app1: SINCH_SENDER } },
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
    const sender = account === 'acme' && life !== 'meta' ? SINCH_SENDER : META_SENDER;
    return { phone: String(491_700_000_000 + number), life, account, sender };
  }),
];

export const providerOf = ({ sender }: Person) => (sender === SINCH_SENDER ? 'sinch' : 'meta');

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
