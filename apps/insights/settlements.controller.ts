import { Controller, Headers, HttpCode, Param, Post, UseFilters } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiTags } from '#platform/api-description';
import { InfrastructureError } from '#application/errors';
import { Clock } from '#application/ports/clock';
import { MessageProducer } from '#application/ports/message-queue';
import { ReadModel } from '#application/ports/read-model';
import { IntentReferenceView } from '#contracts/http/views';
import { SettlementTermsDto } from '#contracts/inbound/settlements';
import { Answers, Problems, schemaRef, UNREADABLE } from '#platform/answers';
import { Needs } from './access.js';
import { AccountLookup } from './account-lookup.js';
import { CustomerLookup } from './customer-lookup.js';
import { referenceExample, settlementExample } from './examples.js';
import { InvalidRequestFilter } from './invalid-request.js';
import { JsonBody } from './json-body.js';
import { requestedSettlement } from './requested-settlement.js';

/** The word of a person on what the provider never said (rules §7). */
@ApiTags('intents')
@Controller('v1/accounts/:account/customers/:customer/intents/:intentId/settlement')
@Needs('operator')
@UseFilters(InvalidRequestFilter)
export class SettlementsController {
  constructor(
    private readonly readModel: ReadModel,
    private readonly producer: MessageProducer,
    private readonly clock: Clock,
    private readonly accounts: AccountLookup,
    private readonly customers: CustomerLookup,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Settle an unknown outcome',
    description:
      'An outcome is unknown where the call was not answered; Tidegate never sends such a message again. Ask the provider or the customer, then say what became of it, and who says so. A report of the provider that comes later still counts.',
  })
  @ApiParam({
    name: 'customer',
    description: "A customer id, `+` and E.164 digits, or the provider's user id",
    example: '+4915112345678',
  })
  @ApiBody({
    schema: schemaRef(SettlementTermsDto),
    examples: { failed: { value: settlementExample } },
  })
  @Answers(202, IntentReferenceView, 'The queue has it; `href` says where the outcome will be', referenceExample)
  @Problems({
    400: 'The body is not JSON, or the customer is no phone number',
    404: 'The account is unknown, or there is no decision on the intent',
    409: 'The outcome is not unknown (`outcome-not-unknown`)',
    415: 'The body is not sent as JSON',
    422: 'Nothing was published; `field` and `remedy` say why',
    503: UNREADABLE,
  })
  async settle(
    @Param('account') account: string,
    @Param('customer') named: string,
    @Param('intentId') intentId: string,
    @JsonBody() body: unknown,
    @Headers('traceparent') traceparent: string | undefined,
  ): Promise<IntentReferenceView> {
    const ids = await this.customers.idsOf(account, named);
    const rows = await this.readModel.decisions(ids.map((customer) => ({ account, customer, intentId })));
    // An intent that a merge took over has a decision under each id: the last one stands.
    const [row] = [...rows].sort((a, b) => b.position - a.position);
    if (row === undefined) {
      await this.accounts.named(account);
      throw new InfrastructureError('not-found', 'There is no decision on this intent.', { field: 'intentId' });
    }
    const { customer, delivery, outcome } = row;
    const message = requestedSettlement({ account, customer, intentId }, body, { at: this.clock.now(), traceparent });
    if (delivery !== 'outcome-unknown') {
      const known = `It is ${delivery ?? outcome}. Only an outcome-unknown is for a person to settle.`;
      throw new InfrastructureError('outcome-not-unknown', `The outcome of the intent is not unknown. ${known}`, {
        field: 'intentId',
      });
    }
    await this.producer.send([message]);
    return {
      intentId,
      href: `/v1/accounts/${account}/customers/${customer}/intents/${encodeURIComponent(intentId)}`,
    };
  }
}
