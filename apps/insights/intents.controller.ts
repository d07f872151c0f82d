import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, UseFilters } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiBody,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger';
import { CustomerIdentity } from '#application/customer-identity';
import { InfrastructureError } from '#application/errors';
import { Clock } from '#application/ports/clock';
import { MessageProducer } from '#application/ports/message-queue';
import { ReadModel } from '#application/ports/read-model';
import { CustomerLookup } from './customer-lookup.js';
import { decisionView } from './decision-view.js';
import { InvalidIntentsFilter } from './invalid-intents.js';
import { MAX_INTENTS, requestedIntents } from './requested-intents.js';

const MAX_DECISIONS = 100;
const sendDto = { $ref: '#/components/schemas/SendDto' };
const batch = {
  type: 'object',
  required: ['intents'],
  properties: { intents: { type: 'array', minItems: 1, maxItems: MAX_INTENTS, items: sendDto } },
};

@ApiTags('intents')
@Controller('v1')
export class IntentsController {
  constructor(
    private readonly readModel: ReadModel,
    private readonly producer: MessageProducer,
    private readonly identity: CustomerIdentity,
    private readonly clock: Clock,
    private readonly customers: CustomerLookup,
  ) {}

  @Post('send-intents')
  @HttpCode(202)
  @UseFilters(InvalidIntentsFilter)
  @ApiOperation({ summary: 'Ask to send: one intent, or a batch of which all or none are taken' })
  @ApiBody({ schema: { oneOf: [sendDto, batch] } })
  @ApiAcceptedResponse({ description: 'The queue has them; `decisions` says where each decision will be' })
  @ApiUnprocessableEntityResponse({ description: 'Nothing was published; `field`, `remedy` and `index` say why' })
  async send(
    @Body() body: unknown,
    @Headers('traceparent') traceparent: string | undefined,
  ): Promise<{ readonly decisions: readonly { readonly intentId: string; readonly href: string }[] }> {
    const intents = requestedIntents(body, this.identity, { at: this.clock.now(), traceparent });
    await this.producer.send(intents.map(({ message }) => message));
    return { decisions: intents.map(({ intentId, href }) => ({ intentId, href })) };
  }

  @Get('accounts/:account/customers/:customer/intents/:intentId')
  @ApiOperation({ summary: 'The standing decision on an intent, and why' })
  @ApiParam({ name: 'customer', description: 'A customer id, `+` and E.164 digits, or the provider’s user id' })
  @ApiOkResponse({ description: 'The decision without anything personal; instants as RFC 3339' })
  @ApiNotFoundResponse({ description: 'There is no decision yet, or no such intent' })
  async decision(
    @Param('account') account: string,
    @Param('customer') named: string,
    @Param('intentId') intentId: string,
  ): Promise<object> {
    const ids = await this.customers.idsOf(account, named);
    const rows = await this.readModel.decisions(ids.map((customer) => ({ account, customer, intentId })));
    // An intent that a merge took over has a decision under each id: the last one stands.
    const [row] = [...rows].sort((a, b) => b.position - a.position);
    if (row !== undefined) return decisionView(row);
    throw new InfrastructureError('not-found', 'There is no decision on this intent. If it was just sent, ask again.', {
      field: 'intentId',
    });
  }

  @Get('accounts/:account/intents')
  @ApiOperation({ summary: `The latest decisions on one intent id, of any customer; at most ${MAX_DECISIONS}` })
  @ApiOkResponse({ description: '`decisions`, latest first' })
  @ApiBadRequestResponse({ description: 'No intentId is given' })
  async decisions(
    @Param('account') account: string,
    @Query('intentId') intentId: unknown,
  ): Promise<{ readonly decisions: readonly object[] }> {
    if (typeof intentId !== 'string' || intentId === '') {
      throw new InfrastructureError('message-invalid', 'Give one intentId in the query.', { field: 'intentId' });
    }
    const rows = await this.readModel.decisionsByIntentId(account, intentId, MAX_DECISIONS);
    return { decisions: rows.map(decisionView) };
  }
}
