import { timingSafeEqual } from 'node:crypto';
import { Controller, ForbiddenException, Get, Header, Param, Query } from '@nestjs/common';
import { Refusals } from './refusals.js';
import { tokenDigest, WebhookSettings } from './settings.js';

/** What the providers ask; what they post goes past the controllers (posts.ts). */
@Controller('webhooks')
export class WebhooksController {
  constructor(
    private readonly settings: WebhookSettings,
    private readonly refusals: Refusals,
  ) {}

  /** Meta asks so before it sends anything (platforms §2b). */
  @Get('meta/:account')
  @Header('Content-Type', 'text/plain; charset=utf-8')
  verify(
    @Param('account') account: string,
    @Query('hub.mode') mode: unknown,
    @Query('hub.verify_token') token: unknown,
    @Query('hub.challenge') challenge: unknown,
  ): string {
    const expected = this.settings.meta.get(account)?.verifyToken;
    const isKnown =
      expected !== undefined && typeof token === 'string' && timingSafeEqual(tokenDigest(token), expected);
    if (mode !== 'subscribe' || !isKnown || typeof challenge !== 'string') {
      this.refusals.refused({ provider: 'meta', account, reason: 'verify-token' });
      throw new ForbiddenException('The mode or the verify token is wrong.');
    }
    return challenge;
  }
}
