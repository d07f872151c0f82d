import { SendProvider, type ProviderMessage } from '#application/ports/send-provider';
import type { ProviderOutcome } from '#domain/gate/outcome';

/** Answers as told, and keeps every call. */
export class RecordingProvider extends SendProvider {
  readonly calls: ProviderMessage[] = [];
  constructor(private readonly answer: (message: ProviderMessage) => Promise<ProviderOutcome>) {
    super();
  }
  send(message: ProviderMessage): Promise<ProviderOutcome> {
    this.calls.push(message);
    return this.answer(message);
  }
  get called(): readonly string[] {
    return this.calls.map(({ intentId }) => intentId);
  }
}

export const accepting = (): RecordingProvider =>
  new RecordingProvider(({ intentId }) =>
    Promise.resolve({ kind: 'accepted', providerMessageId: `wamid.${intentId}` }),
  );
