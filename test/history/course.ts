import * as fc from 'fast-check';
import { Customers } from '#application/customers';
import { LinkCustomers } from '#application/link-customers';
import { SendProvider } from '#application/ports/send-provider';
import { RecordChanges } from '#application/record-changes';
import { accountStream, templateStream } from '#application/streams';
import type { AccountEvent } from '#domain/account';
import { consentScopes, type ConsentScope } from '#domain/consent';
import type { SendIntent } from '#domain/gate/intent';
import type { ProviderOutcome } from '#domain/gate/outcome';
import type { PolicyOverrides } from '#domain/policy';
import type { TemplateStatusEvent } from '#domain/template';
import { HOUR_MS, MINUTE_MS, SECOND_MS, plus } from '#domain/time';
import { ACCOUNT, cancellation, intent, SENDER, wrote, type Stage } from '../gate/stage.js';

// Random courses of business on the real use cases and an embedded store: what replay, explain and the ledger are for.

const metadata = (id: string) => ({ correlationId: id, causationId: id });

type Content = SendIntent['content'];
const session: Content = { kind: 'session', messageType: 'text' };
export const templateOf = (name: string) =>
  ({ kind: 'template', name, language: 'en', parameters: [] }) satisfies Content;

/** One step of a course; customers by number. Delays and pauses in milliseconds. */
export type Step =
  | { readonly kind: 'pass'; readonly durationMs: number }
  | { readonly kind: 'write'; readonly customer: number; readonly agoMs: number; readonly text: string }
  | { readonly kind: 'call'; readonly customer: number; readonly agoMs: number }
  | {
      readonly kind: 'consent';
      readonly customer: number;
      readonly agoMs: number;
      readonly scope: ConsentScope;
      readonly status: 'opted-in' | 'opted-out';
    }
  | { readonly kind: 'template'; readonly name: string; readonly type: TemplateStatusEvent['type'] }
  | { readonly kind: 'policy'; readonly overrides: PolicyOverrides }
  | { readonly kind: 'allowance'; readonly users: number | null }
  | {
      readonly kind: 'intent';
      readonly customer: number;
      readonly terms: Partial<SendIntent>;
      readonly sendInMs?: number | undefined;
      readonly expiresInMs?: number | undefined;
    }
  | { readonly kind: 'cancel' | 'release'; readonly customer: number; readonly back: number }
  | { readonly kind: 'send'; readonly customer: number; readonly back: number; readonly outcome: ProviderOutcome }
  | {
      readonly kind: 'report';
      readonly customer: number;
      readonly back: number;
      readonly status: 'delivered' | 'read' | 'failed';
    }
  | {
      readonly kind: 'link';
      readonly customer: number;
      readonly other: number;
      readonly relation: 'same' | 'changed';
    }
  | { readonly kind: 'project' };

const customers = fc.integer({ min: 0, max: 2 });
const backs = fc.integer({ min: 0, max: 3 });
const agos = fc.constantFrom(0, 0, SECOND_MS, HOUR_MS, 23 * HOUR_MS, 30 * HOUR_MS);
const names = fc.constantFrom('hello', 'receipt');
const kindOf = <K extends Step['kind']>(kind: K) => fc.constant(kind);

export const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kindOf('pass'),
      durationMs: fc.constantFrom(1, SECOND_MS, 16 * MINUTE_MS, 23 * HOUR_MS, 24 * HOUR_MS, 24 * HOUR_MS - MINUTE_MS),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: kindOf('write'),
      customer: customers,
      agoMs: agos,
      text: fc.constantFrom('hello', 'hello', 'STOP'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kindOf('call'), customer: customers, agoMs: agos }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kindOf('consent'),
      customer: customers,
      agoMs: agos,
      scope: fc.constantFrom(...consentScopes),
      status: fc.constantFrom('opted-in', 'opted-in', 'opted-out'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kindOf('template'),
      name: names,
      type: fc.constantFrom('TemplateApproved', 'TemplateApproved', 'TemplatePaused', 'TemplateRejected'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kindOf('policy'),
      overrides: fc.constantFrom<PolicyOverrides[]>(
        {},
        { slots: 2 },
        { overAllowance: 'refuse' },
        { impliedOptIn: true },
        { quietHours: { fromMinute: 0, untilMinute: 600 } },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kindOf('allowance'), users: fc.constantFrom(null, 0, 1, 2) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: kindOf('intent'),
      customer: customers,
      terms: fc.record({
        content: fc.oneof(fc.constant(session), names.map(templateOf)),
        whenClosed: fc.constantFrom('refuse', 'hold', 'fallback'),
        fallback: fc.option(names.map(templateOf), { nil: undefined }),
        whenPaused: fc.constantFrom('refuse', 'hold'),
        purpose: fc.constantFrom(undefined, undefined, 'opt-out-confirmation'),
        sender: fc.constantFrom(SENDER, SENDER, SENDER, '999'),
      }),
      sendInMs: fc.option(fc.constantFrom(SECOND_MS, HOUR_MS), { nil: undefined, freq: 4 }),
      expiresInMs: fc.option(fc.constantFrom(SECOND_MS, 26 * HOUR_MS), { nil: undefined, freq: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('cancel', 'release'), customer: customers, back: backs }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kindOf('release'), customer: customers, back: backs }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kindOf('send'),
      customer: customers,
      back: backs,
      outcome: fc.constantFrom<ProviderOutcome[]>(
        { kind: 'accepted', providerMessageId: 'p' },
        { kind: 'unknown', cause: 'time-out' },
        { kind: 'failed', code: '130429', retryable: true },
        { kind: 'failed', code: '131047', retryable: false, effect: { kind: 'window-closed' } },
        { kind: 'failed', code: '131050', retryable: false, effect: { kind: 'opted-out', scope: 'marketing' } },
        {
          kind: 'failed',
          code: '131049',
          retryable: false,
          effect: { kind: 'cooldown', scope: 'all', forMs: HOUR_MS },
        },
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kindOf('report'),
      customer: customers,
      back: backs,
      status: fc.constantFrom('delivered', 'read', 'failed'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kindOf('link'),
      customer: customers,
      other: customers,
      relation: fc.constantFrom('same', 'same', 'changed'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kindOf('project') }) },
);

class ToldProvider extends SendProvider {
  constructor(private readonly outcome: ProviderOutcome) {
    super();
  }
  send({ intentId }: { readonly intentId: string }): Promise<ProviderOutcome> {
    return Promise.resolve(
      this.outcome.kind === 'accepted' ? { ...this.outcome, providerMessageId: `wamid.${intentId}` } : this.outcome,
    );
  }
}

/** Plays courses on one stage, each with customers of its own. */
export class Course {
  #next = 0;
  readonly #intents: string[] = [];

  constructor(
    private readonly stage: Stage,
    private readonly prefix: string,
  ) {}

  customer(number: number): string {
    return `${this.prefix}c${number}`.padEnd(26, '_');
  }

  /** The ids of the intents so far, the latest last. */
  get intents(): readonly string[] {
    return this.#intents;
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.step(step);
  }

  async step(step: Step): Promise<void> {
    const { stage } = this;
    const { clock } = stage;
    const id = `${this.prefix}${(this.#next += 1)}`;
    switch (step.kind) {
      case 'pass':
        clock.at = plus(clock.at, step.durationMs);
        break;
      case 'write': {
        const written = wrote(this.customer(step.customer), id, plus(clock.at, -step.agoMs), step.text);
        await stage.recorder().run([{ ...written, report: { ...written.report, receivedAt: clock.at } }]);
        break;
      }
      case 'call':
      case 'consent': {
        const report =
          step.kind === 'call'
            ? ({ kind: 'call', provider: 'sandbox', sender: SENDER, callId: id, outcome: 'missed' } as const)
            : ({ kind: 'consent', scope: step.scope, status: step.status, source: 'form', reference: id } as const);
        await stage.recorder().run([
          {
            account: ACCOUNT,
            customer: this.customer(step.customer),
            metadata: metadata(id),
            report: { ...report, claimedAt: plus(clock.at, -step.agoMs), receivedAt: clock.at },
          },
        ]);
        break;
      }
      case 'template': {
        const { name, type } = step;
        await new RecordChanges(stage.store).run([
          {
            stream: templateStream(ACCOUNT, name, 'en'),
            event: () => ({ type, at: clock.at, category: name === 'hello' ? 'marketing' : 'utility' }),
            metadata: metadata(id),
          },
        ]);
        await stage.directory.refreshTemplates([{ account: ACCOUNT, name, language: 'en' }]);
        break;
      }
      case 'policy':
        await this.#change(id, (version) => ({
          type: 'PolicyChanged',
          at: clock.at,
          effectiveAt: clock.at,
          preset: 'sinch-2021',
          version,
          overrides: step.overrides,
        }));
        break;
      case 'allowance':
        await this.#change(id, () => ({
          type: 'AllowanceChanged',
          at: clock.at,
          effectiveAt: clock.at,
          users: step.users,
        }));
        break;
      case 'intent': {
        const { sendInMs, expiresInMs } = step;
        this.#intents.push(id);
        await stage.dispatcher().run([
          intent(this.customer(step.customer), id, {
            ...step.terms,
            sendAt: sendInMs === undefined ? undefined : plus(clock.at, sendInMs),
            expiresAt: expiresInMs === undefined ? undefined : plus(clock.at, expiresInMs),
          }),
        ]);
        break;
      }
      case 'cancel':
        await stage.dispatcher().run([cancellation(this.customer(step.customer), this.#back(step.back) ?? id)]);
        break;
      case 'release':
        await stage.dispatcher().release(this.#keys(step));
        break;
      case 'send':
        await this.stage.sender(new ToldProvider(step.outcome)).run(this.#keys(step));
        break;
      case 'report':
        await this.stage.reports().run(
          this.#keys(step).map(({ account, customer, intentId }) => ({
            account,
            customer,
            correlation: `${account}/${customer}/${intentId}`,
            delivery: {
              status: step.status,
              at: clock.at,
              providerMessageId: `wamid.${intentId}`,
              failure: { code: '131026' },
            },
            metadata: metadata(id),
          })),
        );
        break;
      case 'link': {
        const { store, readModel, directory } = stage;
        await new LinkCustomers(new Customers(store, readModel), directory).run([
          {
            account: ACCOUNT,
            customer: [this.customer(step.customer)],
            other: [this.customer(step.other)],
            relation: step.relation,
            claimedAt: clock.at,
            receivedAt: clock.at,
            because: `sandbox/${id}`,
            metadata: metadata(id),
          },
        ]);
        break;
      }
      case 'project':
        await stage.project();
        break;
    }
  }

  #back(back: number): string | undefined {
    return this.#intents.at(-1 - back);
  }

  #keys({ customer, back }: { readonly customer: number; readonly back: number }) {
    const intentId = this.#back(back);
    return intentId === undefined ? [] : [{ account: ACCOUNT, customer: this.customer(customer), intentId }];
  }

  async #change(id: string, event: (revision: number) => AccountEvent): Promise<void> {
    await new RecordChanges(this.stage.store).run([{ stream: accountStream(ACCOUNT), event, metadata: metadata(id) }]);
    await this.stage.directory.refreshAccounts([ACCOUNT]);
  }
}
