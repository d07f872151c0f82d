import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '#platform/api-description';
import { Clock } from '#application/ports/clock';
import { CustomerView, type WindowView } from '#contracts/http/views';
import { written } from '#contracts/outbound/outgoing';
import { policyAt } from '#domain/account';
import { consentScopes } from '#domain/consent';
import { policyVersion, type Policy } from '#domain/policy';
import { plus, type Instant } from '#domain/time';
import { isOpen, windowEnd, type Window } from '#domain/window';
import { Answers, Problems, UNREADABLE } from '#platform/answers';
import { Needs } from './access.js';
import { AccountLookup } from './account-lookup.js';
import { CustomerLookup } from './customer-lookup.js';
import { customerExample } from './examples.js';

const writtenOrNull = (at: Instant | undefined): string | null => (at === undefined ? null : written(at));

const windowView = (sender: string, window: Window, now: Instant, policy: Policy): WindowView => {
  const end = windowEnd(window);
  // From here on it counts as closed: the margin is taken off (rules §2).
  const closesAt = end === undefined ? undefined : plus(end, -policy.marginMs);
  return {
    sender,
    state: isOpen(window, now, policy) ? 'open' : 'closed',
    openerAt: writtenOrNull(window.openerAt),
    endsAt: writtenOrNull(end),
    closesAt: writtenOrNull(closesAt),
    remainingMs: closesAt === undefined ? 0 : Math.max(0, closesAt - now),
  };
};

@ApiTags('customers')
@Controller('v1/accounts/:account/customers/:customer/windows')
@Needs('reader')
export class WindowsController {
  constructor(
    private readonly clock: Clock,
    private readonly accounts: AccountLookup,
    private readonly customers: CustomerLookup,
  ) {}

  @Get()
  @ApiOperation({ summary: 'What may be sent to a customer now: windows by sender, consents, cooldowns' })
  @ApiParam({
    name: 'customer',
    description: "A customer id, `+` and E.164 digits, or the provider's user id",
    example: '+4915112345678',
  })
  @Answers(200, CustomerView, 'As of the read model', customerExample)
  @Problems({ 400: 'The customer is no phone number', 404: 'The account or the customer is unknown', 503: UNREADABLE })
  async windows(@Param('account') account: string, @Param('customer') named: string): Promise<CustomerView> {
    const accountState = await this.accounts.named(account);
    const { customer, revision, state } = await this.customers.current(account, named);
    const now = this.clock.now();
    const policy = policyAt(accountState, now);
    return {
      account,
      customer,
      revision,
      policy: policyVersion(policy),
      asOf: written(now),
      windows: Object.entries(state.windows).map(([sender, window]) => windowView(sender, window, now, policy)),
      consents: consentScopes.flatMap((scope) => {
        const consent = state.consents[scope];
        return consent === undefined
          ? []
          : [{ scope, status: consent.status, at: written(consent.at), source: consent.source }];
      }),
      cooldowns: state.cooldowns
        .filter(({ until }) => until > now)
        .map(({ scope, until, exceptInWindow }) => ({ scope, until: written(until), exceptInWindow })),
    };
  }
}
