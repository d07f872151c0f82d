import type { CustomerIdentity } from '#application/customer-identity';
import type { ReceivedMessage } from '#application/ports/message-queue';
import type { Instant } from '#domain/time';
import { legible } from '../envelope.js';
import { aliasesOf } from '../inbound/customer.js';
import { fieldValidatorOf, type Fault } from '../inbound/schemas.js';
import { SendDto } from '../inbound/send-intents.js';
import type { SendDecision } from './send-decisions.js';

const accountValidator = fieldValidatorOf(SendDto, 'account');
const customerValidator = fieldValidatorOf(SendDto, 'customer');
const intentIdValidator = fieldValidatorOf(SendDto, 'intentId');

/** Fields of a message can be as long as the message. */
const CUT = 1_000;

/**
 * The answer to a message of send-intents that is no valid intent (rules §6, rule 1): under the account, customer and
 * intent id that it names, as far as they can be read, else under its key. Undefined for a cancellation: a refusal
 * would read as if the intent that it names were refused.
 */
export const invalidIntentDecision = (
  message: ReceivedMessage,
  fault: Fault,
  identity: Pick<CustomerIdentity, 'customerOf'>,
  decidedAt: Instant,
): SendDecision | undefined => {
  const [isAccount, isCustomer, isIntentId] = [accountValidator(), customerValidator(), intentIdValidator()];
  const { type, content } = legible(message);
  if (type === 'tidegate.send-intents.cancel') return undefined;
  const account: unknown = content?.['account'];
  const named: unknown = content?.['customer'];
  const id: unknown = content?.['intentId'];
  const intentId = isIntentId(id) ? id : undefined;
  const customer = isAccount(account) && isCustomer(named) ? identity.customerOf(account, aliasesOf(named)) : undefined;
  return {
    account: isAccount(account) ? account : undefined,
    customer,
    intentId,
    messageKey: customer === undefined || intentId === undefined ? message.key.slice(0, CUT) : undefined,
    outcome: 'refused',
    reason: 'invalid-intent',
    remedy: `${fault.message} ${fault.remedy}`.slice(0, CUT),
    decidedAt,
  };
};
