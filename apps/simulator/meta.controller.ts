import { ServerResponse } from 'node:http';
import { Body, Controller, Headers, Inject, NotFoundException, Param, Post, Res } from '@nestjs/common';
import type { Refusal } from './book.js';
import { Fields } from './fields.js';
import { hangUp, reply } from './replies.js';
import { Simulator } from './simulator.js';

/** Status and code (platforms §2d). */
const errors: { readonly [refusal in Refusal]: readonly [status: number, code: number] } = {
  'window-closed': [400, 131_047],
  'opted-out': [400, 131_050],
  'template-unknown': [404, 132_001],
  'template-paused': [400, 132_015],
  'template-disabled': [400, 132_016],
  'pair-limit': [400, 131_056],
  overloaded: [503, 131_016],
};

/** Meta's side: the Cloud API's `messages`. */
@Controller()
export class MetaController {
  constructor(@Inject(Simulator) private readonly simulator: Simulator) {}

  @Post(':version/:phoneNumberId/messages')
  send(
    @Param('version') version: string,
    @Param('phoneNumberId') phoneNumberId: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
    @Res() response: ServerResponse,
  ): void {
    if (!/^v\d+\.\d$/u.test(version)) throw new NotFoundException();
    const [account, sender, accessToken] = this.#senderOf(phoneNumberId) ?? [];
    if (account === undefined || sender === undefined) return refuse(response, 400, 33, 'no such phone number');
    if (authorization !== `Bearer ${accessToken}`) return refuse(response, 401, 190, 'invalid access token');
    const fields = new Fields(body);
    const [phone, userId] = [fields.text('to'), fields.text('recipient')];
    const type = fields.text('type');
    const [name, language] = [fields.text('template', 'name'), fields.text('template', 'language', 'code')];
    if (fields.text('messaging_product') !== 'whatsapp' || (phone === undefined && userId === undefined))
      return refuse(response, 400, 100, 'messaging_product, to or recipient');
    if (type === undefined || typeof fields.at(type) !== 'object')
      return refuse(response, 400, 131_008, 'type and its object');
    if (type === 'template' && (name === undefined || language === undefined))
      return refuse(response, 400, 132_000, 'template');
    const attempt = this.simulator.submit({
      provider: 'meta',
      account,
      sender,
      to: { phone, userId },
      correlation: fields.text('biz_opaque_callback_data') ?? '',
      template: name === undefined || language === undefined ? undefined : { name, language },
    });
    if (attempt.fate === 'lost' || attempt.silent === true) return hangUp(response, this.simulator.options.silenceMs);
    if (attempt.refusal !== undefined) {
      const [status, code] = errors[attempt.refusal];
      return refuse(response, status, code, attempt.refusal);
    }
    const input = phone ?? userId;
    return reply(response, 200, {
      messaging_product: 'whatsapp',
      contacts: [{ input, wa_id: attempt.person }],
      messages: [{ id: attempt.id }],
    });
  }

  #senderOf(phoneNumberId: string): readonly [account: string, sender: string, accessToken: string] | undefined {
    for (const [account, { meta }] of Object.entries(this.simulator.options.accounts)) {
      const found = Object.entries(meta?.phoneNumberIds ?? {}).find(([, id]) => id === phoneNumberId);
      if (meta !== undefined && found !== undefined) return [account, found[0], meta.accessToken];
    }
    return undefined;
  }
}

const refuse = (response: ServerResponse, status: number, code: number, details: string): void =>
  reply(response, status, {
    error: {
      message: `(#${code}) ${details}`,
      type: 'OAuthException',
      code,
      error_data: { messaging_product: 'whatsapp', details },
      fbtrace_id: 'A',
    },
  });
