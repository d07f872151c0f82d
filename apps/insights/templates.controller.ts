import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '#platform/api-description';
import { Clock } from '#application/ports/clock';
import { ReadModel } from '#application/ports/read-model';
import { TemplatesView } from '#contracts/http/views';
import { written } from '#contracts/outbound/outgoing';
import { categoryAt } from '#domain/template';
import { Answers, Problems, UNREADABLE } from '#platform/answers';
import { Needs } from './access.js';
import { AccountLookup } from './account-lookup.js';
import { templatesExample } from './examples.js';

@ApiTags('templates')
@Controller('v1/accounts/:account/templates')
@Needs('reader')
export class TemplatesController {
  constructor(
    private readonly readModel: ReadModel,
    private readonly clock: Clock,
    private readonly accounts: AccountLookup,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The templates of an account with status and category as of now' })
  @Answers(200, TemplatesView, 'By name and language', templatesExample)
  @Problems({ 404: 'The account is unknown', 503: UNREADABLE })
  async templates(@Param('account') account: string): Promise<TemplatesView> {
    await this.accounts.named(account);
    const now = this.clock.now();
    const rows = await this.readModel.templates(account);
    return {
      templates: rows.map(({ state }) => ({
        name: state.name,
        language: state.language,
        status: state.status ?? null,
        statusAt: state.statusAt === undefined ? null : written(state.statusAt),
        category: categoryAt(state, now) ?? null,
        parameters: state.parameters ?? null,
        revision: state.revision,
      })),
    };
  }
}
