import { Controller, Headers, HttpCode, Param, Post, UseFilters } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiParam, ApiTags } from '#platform/api-description';
import { CustomerIdentity } from '#application/customer-identity';
import { Clock } from '#application/ports/clock';
import { MessageProducer } from '#application/ports/message-queue';
import { ToldView } from '#contracts/http/views';
import { Answers, Problems, schemaRef } from '#platform/answers';
import { Needs } from './access.js';
import { factExamples } from './examples.js';
import { InvalidRequestFilter } from './invalid-request.js';
import { JsonBody } from './json-body.js';
import { factKind, factKinds, factTopics, MAX_FACTS, toldFacts } from './told-facts.js';

const one = { oneOf: factKinds.map(({ dto }) => schemaRef(dto)) };
const batch = {
  type: 'object',
  required: ['facts'],
  properties: { facts: { type: 'array', minItems: 1, maxItems: MAX_FACTS, items: one } },
};

/** The topics of facts for those who have no client of the queue at hand; the embedded queue has none. */
@ApiTags('facts')
@Controller('v1/facts')
@Needs('operator')
@UseFilters(InvalidRequestFilter)
export class FactsController {
  constructor(
    private readonly producer: MessageProducer,
    private readonly identity: CustomerIdentity,
    private readonly clock: Clock,
  ) {}

  @Post(':topic/:kind')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Tell the gate what happened: one fact, or a batch of which all or none are taken',
    description:
      "Publishes on the topic what a client of the queue could publish there: the body is the message's data. A repeat changes nothing. Facts of one customer take effect in the order in which they were told; those of different topics, and intents, in any.",
  })
  @ApiParam({ name: 'topic', enum: factTopics })
  @ApiParam({ name: 'kind', enum: [...new Set(factKinds.map(({ name }) => name))] })
  @ApiBody({ schema: { oneOf: [one, batch] }, examples: factExamples })
  @Answers(202, ToldView, 'The queue has them', { taken: 1 })
  @Problems({
    400: 'The body is not JSON',
    404: 'There is no such topic or kind; `detail` names those that there are',
    413: 'The body is too large',
    415: 'The body is not sent as JSON',
    422: 'Nothing was published; `field`, `remedy` and `index` say why',
    503: 'The queue does not take messages now: ask again',
  })
  async tell(
    @Param('topic') topic: string,
    @Param('kind') kind: string,
    @JsonBody() body: unknown,
    @Headers('traceparent') traceparent: string | undefined,
  ): Promise<ToldView> {
    const facts = toldFacts(factKind(topic, kind), body, this.identity, { at: this.clock.now(), traceparent });
    await this.producer.send(facts);
    return { taken: facts.length };
  }
}
