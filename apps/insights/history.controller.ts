import { Controller, Get, Param, Query as QueryOf } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiQuery, ApiTags } from '#platform/api-description';
import { InfrastructureError } from '#application/errors';
import { ReadAsOf } from '#application/history/as-of';
import { Explain } from '#application/history/explain';
import { EventStore } from '#application/ports/event-store';
import { AsOfView, ExplanationView } from '#contracts/http/views';
import { showable } from '#contracts/outbound/showable';
import { Answers, Problems } from '#platform/answers';
import { Needs } from './access.js';
import { AccountLookup } from './account-lookup.js';
import { CustomerLookup } from './customer-lookup.js';
import { asOfExample, explanationExample } from './examples.js';
import { instantIn, oneIn, onlyKnown, type Query } from './lists/query.js';

const CUSTOMER = {
  name: 'customer',
  description: "A customer id, `+` and E.164 digits, or the provider's user id",
  example: '+4915112345678',
};
const AWAY = 'The event store does not answer: ask again';

/** Nothing personal, instants as RFC 3339. */
const shown = (value: object): object => JSON.parse(JSON.stringify(value, showable));

/** What auditors ask: answered from the log itself. */
@ApiTags('history')
@Controller('v1/accounts/:account/customers/:customer')
@Needs('auditor')
export class HistoryController {
  constructor(
    private readonly store: EventStore,
    private readonly accounts: AccountLookup,
    private readonly customers: CustomerLookup,
  ) {}

  @Get('intents/:intentId/explanation')
  @ApiOperation({
    summary: 'Why an intent was decided as it was, derived anew from the log',
    description:
      'The same as `tidegate explain --json`: rules with their inputs, the facts relied on, and differences.',
  })
  @ApiParam(CUSTOMER)
  @Answers(200, ExplanationView, 'From the log as it is now', explanationExample)
  @Problems({
    400: 'The customer is no phone number',
    404: 'The account is unknown, or the log has no decision on the intent',
    503: AWAY,
  })
  async explanation(
    @Param('account') account: string,
    @Param('customer') named: string,
    @Param('intentId') intentId: string,
  ): Promise<object> {
    await this.accounts.named(account);
    const customer = this.customers.idOf(account, named);
    return shown(await new Explain(this.store).run({ account, customer, intentId }));
  }

  @Get('as-of')
  @ApiOperation({ summary: 'What held for a customer at an instant: what was true, and what was known' })
  @ApiParam(CUSTOMER)
  @ApiQuery({ name: 'at', description: 'The instant, RFC 3339', example: '2026-05-04T12:00:00Z' })
  @ApiQuery({
    name: 'by',
    required: false,
    description:
      '`event`: what was true, whenever it became known. `recorded`: what the gate knew. By default both, compared',
    example: 'event',
  })
  @Answers(200, AsOfView, 'From the log as it is now', asOfExample)
  @Problems({
    400: 'A parameter is missing or is not one; `field` names it',
    404: 'The account is unknown, or the log has nothing of the customer',
    503: AWAY,
  })
  async asOf(
    @Param('account') account: string,
    @Param('customer') named: string,
    @QueryOf() query: Query,
  ): Promise<object> {
    onlyKnown(query, ['at', 'by']);
    const at = instantIn(query, 'at');
    if (at === undefined) {
      throw new InfrastructureError('message-invalid', 'Give the instant, such as at=2026-05-04T12:00:00Z.', {
        field: 'at',
      });
    }
    const by = oneIn(query, 'by', ['event', 'recorded']);
    await this.accounts.named(account);
    const customer = this.customers.idOf(account, named);
    const asOf = await new ReadAsOf(this.store).run({ account, customer }, at);
    const { trueThen, knownThen } = asOf;
    if (by === undefined) return shown(asOf);
    return shown({ account, customer, at, ...(by === 'event' ? { trueThen } : { knownThen }) });
  }
}
