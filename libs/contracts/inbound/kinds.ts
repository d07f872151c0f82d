import type { Envelope } from '../envelope.js';
import type { ReadTopic } from '../topics.js';
import {
  ChangeAllowanceDto,
  ChangeKeywordsDto,
  ChangePolicyDto,
  ChangeZoneDto,
  RegisterAccountDto,
  RegisterSenderDto,
  toAccountRegistration,
  toAllowanceChange,
  toKeywordsChange,
  toPolicyChange,
  toSenderRegistration,
  toZoneChange,
} from './accounts.js';
import { ConsentDto, toConsent } from './consents.js';
import { DeliveryReportDto, toDeliveryReport } from './delivery-reports.js';
import { IdentityDto, toIdentity } from './identities.js';
import { CallDto, MessageDto, toCall, toMessage } from './inbound-messages.js';
import { faultOf, validatorOf, type Fault } from './schemas.js';
import { CancelDto, SendDto, toCancel, toSendIntent } from './send-intents.js';
import { SendCommandDto, toSendCommand } from './send-commands.js';
import { SettlementDto, toSettlement } from './settlements.js';
import { RecategorisationDto, TemplateNoticeDto, toRecategorisation, toTemplateNotice } from './template-approvals.js';

/** One kind of message on a topic: its contract, and how it becomes data of the domain. */
export interface Kind<K extends string, Data> {
  readonly name: K;
  readonly dto: new () => object;
  readonly parse: (content: unknown, envelope: Envelope) => Valid<K, Data> | Fault;
}

export interface Valid<K extends string, Data> {
  readonly kind: 'valid';
  readonly type: K;
  readonly data: Data;
  readonly envelope: Envelope;
}

const kind = <K extends string, Dto extends object, Data>(
  name: K,
  dto: new () => Dto,
  map: (dto: Dto) => Data,
): Kind<K, Data> => {
  const validator = validatorOf(dto);
  return {
    name,
    dto,
    parse: (content, envelope) => {
      const isValid = validator();
      if (!isValid(content)) return faultOf(isValid.errors);
      try {
        return { kind: 'valid', type: name, data: map(content), envelope };
      } catch {
        // What is valid maps, except content nested so deeply that the stack ends first.
        return {
          kind: 'invalid',
          field: '',
          message: 'The message is nested too deeply.',
          remedy: 'Send it with flatter content.',
        };
      }
    },
  };
};

/** The kinds of each topic. The first is the main one: what a message without CloudEvents headers is taken for. */
export const messageKinds = {
  'inbound-messages': [
    kind('message', MessageDto, toMessage),
    kind('call', CallDto, toCall),
    kind('identity', IdentityDto, toIdentity),
  ],
  consents: [kind('consent', ConsentDto, toConsent)],
  'template-approvals': [
    kind('notice', TemplateNoticeDto, toTemplateNotice),
    kind('recategorisation', RecategorisationDto, toRecategorisation),
  ],
  'delivery-reports': [
    kind('report', DeliveryReportDto, toDeliveryReport),
    kind('settlement', SettlementDto, toSettlement),
  ],
  accounts: [
    kind('register-account', RegisterAccountDto, toAccountRegistration),
    kind('register-sender', RegisterSenderDto, toSenderRegistration),
    kind('change-policy', ChangePolicyDto, toPolicyChange),
    kind('change-allowance', ChangeAllowanceDto, toAllowanceChange),
    kind('change-keywords', ChangeKeywordsDto, toKeywordsChange),
    kind('change-zone', ChangeZoneDto, toZoneChange),
  ],
  'send-intents': [kind('send', SendDto, toSendIntent), kind('cancel', CancelDto, toCancel)],
  'send-commands': [kind('command', SendCommandDto, toSendCommand)],
} as const satisfies Record<ReadTopic, readonly Kind<string, unknown>[]>;

/** What a message of the topic can be: `{ kind: 'valid', type, data, envelope }` or a fault. */
export type Parsed<T extends ReadTopic> = ReturnType<(typeof messageKinds)[T][number]['parse']>;
