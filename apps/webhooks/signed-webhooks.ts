import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, UnauthorizedException } from '@nestjs/common';
import { isSignedByMeta } from '#adapters/meta/webhooks/signature';
import { metaUpdates } from '#adapters/meta/webhooks/updates';
import { signedBySinch } from '#adapters/sinch/webhooks/signature';
import { sinchUpdates } from '#adapters/sinch/webhooks/updates';
import { Clock } from '#application/ports/clock';
import { Refusals, type Refusal } from './refusals.js';
import { SeenNonces } from './seen-nonces.js';
import { WebhookSettings } from './settings.js';
import { TakeUpdates } from './take-updates.js';

/**
 * Lets in what a secret of the account signed. Both resolve once everything is stored, and reject with an
 * UnauthorizedException for all else, whatever the reason (case 38).
 */
@Injectable()
export class SignedWebhooks {
  constructor(
    private readonly settings: WebhookSettings,
    private readonly clock: Clock,
    private readonly nonces: SeenNonces,
    private readonly updates: TakeUpdates,
    private readonly refusals: Refusals,
  ) {}

  async sinch(account: string, headers: IncomingHttpHeaders, body: Buffer): Promise<void> {
    const settings = this.settings.sinch.get(account);
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

  async meta(account: string, headers: IncomingHttpHeaders, body: Buffer): Promise<void> {
    const settings = this.settings.meta.get(account);
    if (settings === undefined || !isSignedByMeta(settings.secrets, headers['x-hub-signature-256'], body))
      throw this.#unauthorised('meta', account, 'signature');
    const { senders } = settings;
    await this.updates.take({ provider: 'meta', account, senders, body, updatesOf: metaUpdates });
  }

  #unauthorised(provider: 'sinch' | 'meta', account: string, reason: Refusal['reason']): UnauthorizedException {
    this.refusals.refused({ provider, account, reason });
    return new UnauthorizedException('The signature is missing, wrong, too old or was used before.');
  }
}
