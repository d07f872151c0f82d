import { templateCategories, type TemplateCategory } from '#domain/consent';
import { templateNotices, type TemplateEvent } from '#domain/template';
import { Account, Id, OneOf, Optional, Says, StringList, Text, Time } from './fields.js';
import { instantFrom } from './instants.js';

export class TemplateNoticeDto {
  @Account() account: string;
  @Id(512) name: string;
  @Id(32) language: string;
  @Says("The provider's event, for example `APPROVED`; one that the gate does not know is kept and alarmed.")
  @Id(64)
  notice: string;
  @Optional() @OneOf(templateCategories) category?: TemplateCategory;
  @Says('Names of the parameters that a send must fill.')
  @Optional()
  @StringList(256)
  parameters?: string[];
  @Time() at: string;
  @Optional() @Text(4096) reason?: string;
}

export class RecategorisationDto {
  @Account() account: string;
  @Id(512) name: string;
  @Id(32) language: string;
  @OneOf(templateCategories) newCategory: TemplateCategory;
  @Time() at: string;
  @Says('Default: at once.')
  @Optional()
  @Time()
  effectiveAt?: string;
}

export interface TemplateChange {
  readonly account: string;
  readonly name: string;
  readonly language: string;
  readonly event: TemplateEvent;
}

const eventOfNotice = new Map(Object.entries(templateNotices));

export const toTemplateNotice = (dto: TemplateNoticeDto): TemplateChange => {
  const { account, name, language, reason, category, parameters } = dto;
  const fact = { at: instantFrom(dto.at), reason };
  const type = eventOfNotice.get(dto.notice.toUpperCase());
  const event: TemplateEvent =
    type === undefined
      ? { ...fact, type: 'TemplateNoticeUnrecognised', notice: dto.notice }
      : type === 'TemplateFlagged'
        ? { ...fact, type }
        : { ...fact, type, category, parameters };
  return { account, name, language, event };
};

export const toRecategorisation = (dto: RecategorisationDto): TemplateChange => ({
  account: dto.account,
  name: dto.name,
  language: dto.language,
  event: {
    type: 'TemplateRecategorised',
    at: instantFrom(dto.at),
    category: dto.newCategory,
    effectiveAt: instantFrom(dto.effectiveAt ?? dto.at),
  },
});
