import { ServerResponse } from 'node:http';
import { Body, Controller, Headers, Inject, Param, Post, Res } from '@nestjs/common';
import { digest } from './chance.js';
import { Fields } from './fields.js';
import { hangUp, reply } from './replies.js';
import type { SimulatedAccount } from './options.js';
import { Simulator } from './simulator.js';

const TOKEN_LIFE_S = 3_600;

/** Sinch's side: access tokens and the Conversation API's `messages:send` (platforms §1b). */
@Controller()
export class SinchController {
  /** Issued in this life of the process; others are refused, as an expired one is. */
  readonly #tokens = new Map<string, { readonly projectId: string; readonly until: number }>();

  constructor(@Inject(Simulator) private readonly simulator: Simulator) {}

  @Post('oauth2/token')
  token(@Headers('authorization') authorization: string | undefined, @Res() response: ServerResponse): void {
    const [, basic = ''] = /^Basic (.+)$/u.exec(authorization ?? '') ?? [];
    const given = Buffer.from(basic, 'base64').toString();
    for (const { sinch } of Object.values(this.simulator.options.accounts)) {
      if (sinch === undefined || given !== `${sinch.keyId}:${sinch.keySecret}`) continue;
      const token = digest(this.simulator.options.seed, 'token', sinch.keyId, this.#tokens.size);
      this.#tokens.set(token, { projectId: sinch.projectId, until: this.simulator.now() + TOKEN_LIFE_S * 1_000 });
      return reply(response, 200, { access_token: token, expires_in: TOKEN_LIFE_S, token_type: 'bearer' });
    }
    return reply(response, 401, { error: 'invalid_client' });
  }

  @Post('v1/projects/:project/messages\\:send')
  send(
    @Param('project') projectId: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
    @Res() response: ServerResponse,
  ): void {
    const token = this.#tokens.get(authorization?.replace(/^Bearer /u, '') ?? '');
    if (token === undefined || token.projectId !== projectId || token.until <= this.simulator.now())
      return refuse(response, 401, 'UNAUTHENTICATED', 'no valid token');
    const fields = new Fields(body);
    const [account, sender] = this.#senderOf(projectId, fields.text('app_id')) ?? [];
    if (account === undefined || sender === undefined) return refuse(response, 404, 'NOT_FOUND', 'app_id');
    const identity = fields.text('recipient', 'identified_by', 'channel_identities', 0, 'identity');
    const correlation = fields.text('message_metadata');
    const name = fields.text('message', 'template_message', 'channel_template', 'WHATSAPP', 'template_id');
    const language = fields.text('message', 'template_message', 'channel_template', 'WHATSAPP', 'language_code');
    if (identity === undefined || correlation === undefined || !/^[1-9]\d*s$/u.test(fields.text('ttl') ?? ''))
      return refuse(response, 400, 'INVALID_ARGUMENT', 'identity, message_metadata or ttl');
    if (typeof fields.at('message') !== 'object' || (name === undefined) !== (language === undefined))
      return refuse(response, 400, 'INVALID_ARGUMENT', 'message');
    const attempt = this.simulator.submit({
      provider: 'sinch',
      account,
      sender,
      to: /^\d+$/u.test(identity) ? { phone: identity } : { userId: identity },
      correlation,
      template: name === undefined || language === undefined ? undefined : { name, language },
    });
    if (attempt.fate === 'lost' || attempt.silent === true) return hangUp(response, this.simulator.options.silenceMs);
    if (attempt.refusal === 'overloaded') return refuse(response, 429, 'RESOURCE_EXHAUSTED', 'try again');
    return reply(response, 200, { message_id: attempt.id, accepted_time: new Date(attempt.at).toISOString() });
  }

  #senderOf(projectId: string, appId: string | undefined): readonly [account: string, sender: string] | undefined {
    const accounts = Object.entries<SimulatedAccount>(this.simulator.options.accounts);
    for (const [account, { sinch }] of accounts) {
      if (sinch?.projectId !== projectId) continue;
      const found = Object.entries(sinch.apps).find(([, app]) => app === appId);
      if (found !== undefined) return [account, found[0]];
    }
    return undefined;
  }
}

const refuse = (response: ServerResponse, code: number, status: string, message: string): void =>
  reply(response, code, { error: { code, status, message, details: [] } });
