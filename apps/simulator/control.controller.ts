import { BadRequestException, Body, Controller, Get, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import { categories, inboundTypes, templateStatuses } from './book.js';
import { Fields } from './fields.js';
import { Simulator } from './simulator.js';

/** What no provider offers: customers who do as they are told, and the platform's book. */
@Controller()
export class ControlController {
  constructor(@Inject(Simulator) private readonly simulator: Simulator) {}

  /** `{account, sender, provider?, type?, text?, hidden?, agoMs?}` */
  @Post('customers/:phone/messages')
  @HttpCode(202)
  write(@Param('phone') phone: string, @Body() body: unknown): object {
    const person = personOf(phone);
    const fields = new Fields(body);
    const account = this.#account(fields);
    const { sinch } = this.simulator.options.accounts[account] ?? {};
    const provider = fields.oneOf('provider', ['sinch', 'meta'], sinch === undefined ? 'meta' : 'sinch');
    const type = fields.oneOf('type', inboundTypes, 'text');
    const text = type === 'text' ? fields.needed('text') : undefined;
    if (provider === 'sinch' && type === 'reaction')
      throw new BadRequestException('type: Sinch tells of reactions as events; use another type or meta');
    const id = this.simulator.write(person, {
      provider,
      account,
      sender: this.#sender(fields, account, provider),
      type,
      text,
      hidden: fields.at('hidden') === true ? true : undefined,
      agoMs: fields.duration('agoMs'),
    });
    return { messageId: id };
  }

  /** `{account, sender, value: "stop" | "resume"}`: marketing messages, in the app's own settings. */
  @Post('customers/:phone/preferences')
  @HttpCode(202)
  prefer(@Param('phone') phone: string, @Body() body: unknown): void {
    const person = personOf(phone);
    const fields = new Fields(body);
    const value = fields.oneOf('value', ['stop', 'resume']);
    this.simulator.prefer(person, this.#account(fields), fields.needed('sender'), value);
  }

  /** `{account}`: the customer opts in again elsewhere; whoever does it tells the gate, too. */
  @Post('customers/:phone/consents')
  @HttpCode(202)
  consent(@Param('phone') phone: string, @Body() body: unknown): void {
    this.simulator.consent(personOf(phone), this.#account(new Fields(body)));
  }

  /** `{account, status, category}` */
  @Put('templates/:name/:language')
  setTemplate(@Param('name') name: string, @Param('language') language: string, @Body() body: unknown): void {
    const fields = new Fields(body);
    const status = fields.oneOf('status', templateStatuses);
    const category = fields.oneOf('category', categories);
    this.simulator.setTemplate(this.#account(fields), name, language, category, status);
  }

  /** `{byMs}` */
  @Post('clock')
  @HttpCode(200)
  advance(@Body() body: unknown): object {
    this.simulator.advance(new Fields(body).duration('byMs'));
    return this.simulator.summary();
  }

  @Get('breaches')
  breaches(): readonly object[] {
    return this.simulator.breaches();
  }

  @Get('messages')
  messages(): readonly object[] {
    return this.simulator.messages();
  }

  @Get()
  summary(): object {
    return this.simulator.summary();
  }

  /** One that the provider has: it would not deliver to another. */
  #sender(fields: Fields, account: string, provider: 'sinch' | 'meta'): string {
    const { sinch, meta } = this.simulator.options.accounts[account] ?? {};
    const known = provider === 'sinch' ? sinch?.apps : meta?.phoneNumberIds;
    if (known === undefined) throw new BadRequestException(`provider: ${account} is not with ${provider}`);
    return fields.oneOf('sender', Object.keys(known));
  }

  #account(fields: Fields): string {
    return fields.oneOf('account', Object.keys(this.simulator.options.accounts));
  }
}

/** The number in bare digits. */
const personOf = (phone: string): string => {
  if (!/^\+?[1-9]\d{5,14}$/u.test(phone)) throw new BadRequestException('phone: use E.164 digits');
  return phone.replace(/^\+/u, '');
};
