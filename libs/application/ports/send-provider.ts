import type { IntentPersonal, SessionContent, TemplateContent } from '#domain/gate/intent';
import type { ProviderOutcome } from '#domain/gate/outcome';
import type { Instant } from '#domain/time';
import type { IntentKey } from './read-model.js';

export type ProviderContent =
  | (SessionContent & Pick<IntentPersonal, 'text' | 'mediaUrl' | 'body'>)
  /** `parameters`: values by name. */
  | (Omit<TemplateContent, 'parameters'> & { readonly parameters: { readonly [name: string]: string } });

/** One call to the provider, under one claim. */
export interface ProviderMessage extends IntentKey {
  readonly claim: string;
  /** Opaque; comes back with each delivery report and leads to the intent. */
  readonly correlation: string;
  readonly sender: string;
  readonly to: IntentPersonal['to'];
  readonly content: ProviderContent;
  /** What is not sent by then must not be sent any more. */
  readonly validUntil: Instant;
}

/** What the provider said of one call. */
export type ProviderAnswer = ProviderOutcome & {
  /** By which other names the provider knows whom it wrote to: proof that they are one person (platforms §2g). */
  readonly alsoKnownAs?: IntentPersonal['to'] | undefined;
};

/** A messaging provider. Calls for one customer come one after the other, those for several concurrently. */
export abstract class SendProvider {
  /**
   * Sends once and never repeats by itself. Never rejects for what the provider says or fails to say: time-outs and
   * broken connections are `unknown`, well within the policy's attempt time.
   */
  abstract send(message: ProviderMessage): Promise<ProviderAnswer>;
}
