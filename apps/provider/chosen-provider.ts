import type { SendProvider } from '#application/ports/send-provider';
import type { Part } from '#platform/lifecycle';

/** Who sends, and what has to run for it. */
export interface ChosenProvider {
  readonly provider: SendProvider;
  readonly parts: readonly Part[];
}
