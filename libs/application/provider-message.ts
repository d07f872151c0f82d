import type { TemplateContent } from '#domain/gate/intent';
import { sentTemplate } from '#domain/gate/permit';
import type { OpenIntent } from '#domain/gate/state';
import { correlationOf } from './correlation.js';
import type { IntentKey } from './ports/read-model.js';
import type { ProviderContent, ProviderMessage } from './ports/send-provider.js';

export type Started = Extract<OpenIntent, { status: 'started' | 'outcome-unknown' }>;

/** What a claim lets through: the intent's own content or its fallback, with the values. */
export const messageOf = (key: IntentKey, open: Started): ProviderMessage => {
  const { intent, personal, claim: own, validUntil } = open;
  const { account, customer, intentId } = key;
  return {
    account,
    customer,
    intentId,
    claim: own,
    correlation: correlationOf(key),
    sender: intent.sender,
    to: personal.to,
    content: contentOf(open),
    validUntil,
  };
};

const contentOf = (open: Started): ProviderContent => {
  const { intent, personal, content } = open;
  const template = sentTemplate(open);
  if (template !== undefined)
    return filled(template, content === 'fallback' ? personal.fallbackParameters : personal.parameters);
  const { text, mediaUrl, body } = personal;
  return intent.content.kind === 'template'
    ? filled(intent.content, personal.parameters)
    : { ...intent.content, text, mediaUrl, body };
};

const filled = (
  { kind, name, language }: TemplateContent,
  parameters: { readonly [name: string]: string } = {},
): ProviderContent => ({ kind, name, language, parameters });
