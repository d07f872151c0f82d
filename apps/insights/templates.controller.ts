import { Controller, Get, Param } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Clock } from '#application/ports/clock';
import { ReadModel } from '#application/ports/read-model';
import { written } from '#contracts/outbound/outgoing';
import { categoryAt } from '#domain/template';
import { AccountLookup } from './account-lookup.js';

@ApiTags('templates')
@Controller('v1/accounts/:account/templates')
export class TemplatesController {
  constructor(
    private readonly readModel: ReadModel,
    private readonly clock: Clock,
    private readonly accounts: AccountLookup,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The templates of an account with status and category as of now' })
  @ApiOkResponse({ description: '`parameters` is null while the provider has not told them' })
  @ApiNotFoundResponse({ description: 'The account is unknown' })
  async templates(@Param('account') account: string): Promise<{ readonly templates: readonly object[] }> {
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
