import { Controller, Delete, Get, Headers, HttpCode, Param, Post, Query, UseFilters } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiQuery, ApiTags } from '#platform/api-description';
import { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import { Clock } from '#application/ports/clock';
import { EventStore } from '#application/ports/event-store';
import { MessageProducer } from '#application/ports/message-queue';
import { ReadModel } from '#application/ports/read-model';
import { DecisionsView, DecisionView, IntentReferenceView, TakenView } from '#contracts/http/views';
import { SendDto } from '#contracts/inbound/send-intents';
import { Answers, Problems, schemaRef, UNREADABLE } from '#platform/answers';
import { Needs } from './access.js';
import { AccountLookup } from './account-lookup.js';
import { CustomerLookup } from './customer-lookup.js';
import { decisionViews } from './decision-view.js';
import { decisionExample, intentExample, referenceExample } from './examples.js';
import { InvalidRequestFilter } from './invalid-request.js';
import { JsonBody } from './json-body.js';
import { MAX_INTENTS, requestedCancellation, requestedIntents } from './requested-intents.js';

const MAX_DECISIONS = 100;
const CUSTOMER = {
  name: 'customer',
  description: "A customer id, `+` and E.164 digits, or the provider's user id",
  example: '+4915112345678',
};
const batch = {
  type: 'object',
  required: ['intents'],
  properties: { intents: { type: 'array', minItems: 1, maxItems: MAX_INTENTS, items: schemaRef(SendDto) } },
};
const AWAY = 'The queue does not take messages now: ask again';

@ApiTags('intents')
@Controller('v1')
@Needs('operator')
@UseFilters(InvalidRequestFilter)
export class IntentsController {
  constructor(
    private readonly readModel: ReadModel,
    private readonly store: EventStore,
    private readonly producer: MessageProducer,
    private readonly identity: CustomerIdentity,
    private readonly clock: Clock,
    private readonly accounts: AccountLookup,
    private readonly customers: CustomerLookup,
  ) {}

  @Post('send-intents')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Ask to send: one intent, or a batch of which all or none are taken',
    description: 'Idempotent by account, customer and `intentId`: a repeat is answered by the decision that stands.',
  })
  @ApiBody({
    schema: { oneOf: [schemaRef(SendDto), batch] },
    examples: { one: { value: intentExample }, batch: { value: { intents: [intentExample] } } },
  })
  @Answers(202, TakenView, 'The queue has them; `decisions` says where each decision will be', {
    decisions: [referenceExample],
  })
  @Problems({
    400: 'The body is not JSON',
    413: 'The body, or one intent of it, is too large',
    415: 'The body is not sent as JSON',
    422: 'Nothing was published; `field`, `remedy` and `index` say why',
    503: AWAY,
  })
  async send(@JsonBody() body: unknown, @Headers('traceparent') traceparent: string | undefined): Promise<TakenView> {
    const intents = requestedIntents(body, this.identity, { at: this.clock.now(), traceparent });
    await this.producer.send(intents.map(({ message }) => message));
    return { decisions: intents.map(({ intentId, href }) => ({ intentId, href })) };
  }

  @Delete('accounts/:account/customers/:customer/intents/:intentId')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Cancel an intent, also before it comes',
    description:
      'Possible until the call to the provider starts; after that the decision that stands is published again as `too-late`.',
  })
  @ApiParam(CUSTOMER)
  @ApiQuery({ name: 'reason', required: false, description: 'Why, for the record; at most 1024 characters' })
  @Answers(202, IntentReferenceView, 'The queue has it; `href` says where the decision will be', referenceExample)
  @Problems({
    400: 'The customer is no phone number',
    422: 'Nothing was published; `field` and `remedy` say why',
    503: AWAY,
  })
  async cancel(
    @Param('account') account: string,
    @Param('customer') named: string,
    @Param('intentId') intentId: string,
    @Query('reason') reason: unknown,
    @Headers('traceparent') traceparent: string | undefined,
  ): Promise<IntentReferenceView> {
    // Under the id that the intent itself was sent by, so that both keep their order; a link redirects them alike.
    const customer = this.customers.idOf(account, named);
    const request = { at: this.clock.now(), traceparent };
    const { message, href } = requestedCancellation({ account, customer, intentId }, reason, request);
    await this.producer.send([message]);
    return { intentId, href };
  }

  @Get('accounts/:account/customers/:customer/intents/:intentId')
  @Needs('reader')
  @ApiOperation({ summary: 'The standing decision on an intent, and why' })
  @ApiParam(CUSTOMER)
  @Answers(200, DecisionView, 'The decision without anything personal', decisionExample)
  @Problems({
    400: 'The customer is no phone number',
    404: 'The account is unknown, or there is no decision yet',
    503: UNREADABLE,
  })
  async decision(
    @Param('account') account: string,
    @Param('customer') named: string,
    @Param('intentId') intentId: string,
  ): Promise<object> {
    const ids = await this.customers.idsOf(account, named);
    const rows = await this.readModel.decisions(ids.map((customer) => ({ account, customer, intentId })));
    // An intent that a merge took over has a decision under each id: the last one stands.
    const standing = rows.toSorted((a, b) => b.position - a.position).slice(0, 1);
    const [shown] = await decisionViews(this.store, standing);
    if (shown !== undefined) return shown;
    await this.accounts.named(account);
    throw new InfrastructureError('not-found', 'There is no decision on this intent. If it was just sent, ask again.', {
      field: 'intentId',
    });
  }

  @Get('accounts/:account/intents')
  @Needs('reader')
  @ApiOperation({ summary: `The latest decisions on one intent id, of any customer; at most ${MAX_DECISIONS}` })
  @ApiQuery({ name: 'intentId', example: 'autumn-campaign' })
  @Answers(200, DecisionsView, 'Latest first', { decisions: [decisionExample] })
  @Problems({ 400: 'Not one `intentId` is given', 404: 'The account is unknown', 503: UNREADABLE })
  async decisions(
    @Param('account') account: string,
    @Query('intentId') intentId: unknown,
  ): Promise<{ readonly decisions: readonly object[] }> {
    if (typeof intentId !== 'string' || intentId === '') {
      throw new InfrastructureError('message-invalid', 'Give one intentId in the query.', { field: 'intentId' });
    }
    const rows = await this.readModel.decisionsByIntentId(account, intentId, MAX_DECISIONS);
    if (rows.length === 0) await this.accounts.named(account);
    return { decisions: await decisionViews(this.store, rows) };
  }
}
