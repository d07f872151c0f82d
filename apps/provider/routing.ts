import { MetaProvider } from '#adapters/meta/meta-provider';
import { SinchProvider } from '#adapters/sinch/sinch-provider';
import type { Clock } from '#application/ports/clock';
import { SendProvider, type ProviderAnswer, type ProviderMessage } from '#application/ports/send-provider';
import type { ProviderSettings } from './settings.js';

/** Sends each message through the provider that has its sender; the same sender may move from one to the other (case 43). */
export class RoutingProvider extends SendProvider {
  readonly #sinch: SendProvider;
  readonly #meta: SendProvider;

  constructor(
    private readonly settings: ProviderSettings,
    clock: Clock,
  ) {
    super();
    this.#sinch = new SinchProvider(settings.sinch, clock);
    this.#meta = new MetaProvider(settings.meta, clock);
  }

  async send(message: ProviderMessage): Promise<ProviderAnswer> {
    const { account, sender } = message;
    const { sinch, meta } = this.settings;
    if (sinch.get(account)?.appOf(sender) !== undefined) return await this.#sinch.send(message);
    if (meta.get(account)?.phoneNumberIdOf(sender) !== undefined) return await this.#meta.send(message);
    return {
      kind: 'failed',
      code: 'sender-not-configured',
      retryable: false,
      remedy: 'name the sender with its account in the file of TIDEGATE_PROVIDER, and start again',
    };
  }
}
