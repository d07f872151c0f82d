import { reactionToReport as reactionOfMeta } from '#adapters/meta/reactions';
import { codeOf as codeOfSinch, reactionToReport as reactionOfSinch } from '#adapters/sinch/reactions';
import type { DeliveryReport } from '#contracts/inbound/delivery-reports';
import type { Failure } from '#domain/gate/outcome';

/** What a failure means that a provider reports later: by its table of reactions (ADR 0016). */
export const reportedFailure = ({ provider, error }: DeliveryReport): Failure | undefined => {
  if (error === undefined) return undefined;
  switch (provider) {
    case 'sinch': {
      const code = codeOfSinch(error);
      return { code, ...reactionOfSinch(code) };
    }
    case 'meta':
      return { code: error.code, ...reactionOfMeta(error.code) };
    default:
      return { code: error.code };
  }
};
