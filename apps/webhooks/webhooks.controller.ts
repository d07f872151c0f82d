import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  Header,
  Headers,
  HttpCode,
  Param,
  Post,
  Query,
  UnauthorizedException,
} from '@nestjs/common';
import { isSignedByMeta } from '#adapters/meta/webhooks/signature';
import { metaUpdates } from '#adapters/meta/webhooks/updates';
import { signedBySinch } from '#adapters/sinch/webhooks/signature';
import { sinchUpdates } from '#adapters/sinch/webhooks/updates';
import { Clock } from '#application/ports/clock';
import { Refusals, type Refusal } from './refusals.js';
import { SeenNonces } from './seen-nonces.js';
import { tokenDigest, WebhookSettings } from './settings.js';
import { TakeUpdates } from './take-updates.js';

/** Answers 200 only to what is stored, and 401 to all that no secret of the account signed, whatever the reason (case 38). */
@Controller('webhooks')
export class WebhooksController {
  constructor(
    private readonly settings: WebhookSettings,
    private readonly clock: Clock,
    private readonly nonces: SeenNonces,
    private readonly updates: TakeUpdates,
    private readonly refusals: Refusals,
  ) {}

  @Post('sinch/:account')
  @HttpCode(200)
  async sinch(
    @Param('account') account: string,
    @Headers() headers: IncomingHttpHeaders,
    @Body() given: unknown,
  ): Promise<void> {
    const settings = this.settings.sinch.get(account);
    const body = bytesOf(given);
    const signed = settings && signedBySinch(settings.secrets, headers, body);
    if (settings === undefined || signed === undefined) throw this.#unauthorised('sinch', account, 'signature');
    const { senders, sender, toleranceMs } = settings;
    const now = this.clock.now();
    if (Math.abs(now - signed.at) > toleranceMs) throw this.#unauthorised('sinch', account, 'time');
    const nonce = `${account}/${signed.nonce}`;
    // From `toleranceMs` ahead to as much behind.
    if (!this.nonces.take(nonce, now, 2 * toleranceMs)) throw this.#unauthorised('sinch', account, 'nonce');
    try {
      await this.updates.take({ provider: 'sinch', account, senders, sender, body, updatesOf: sinchUpdates });
    } catch (error) {
      this.nonces.giveBack(nonce);
      throw error;
    }
  }
  @Post('meta/:account')
  @HttpCode(200)
  async meta(
    @Param('account') account: string,
    @Headers('x-hub-signature-256') signature: unknown,
    @Body() given: unknown,
  ): Promise<void> {
    const settings = this.settings.meta.get(account);
    const body = bytesOf(given);
    if (settings === undefined || !isSignedByMeta(settings.secrets, signature, body))
      throw this.#unauthorised('meta', account, 'signature');
    const { senders } = settings;
    await this.updates.take({ provider: 'meta', account, senders, body, updatesOf: metaUpdates });
  }

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

  #unauthorised(provider: 'sinch' | 'meta', account: string, reason: Refusal['reason']): UnauthorizedException {
    this.refusals.refused({ provider, account, reason });
    return new UnauthorizedException('The signature is missing, wrong, too old or was used before.');
  }
}

/** As `setupWebhooks` leaves them: the raw bytes, or nothing of an empty body. */
const bytesOf = (body: unknown): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));
