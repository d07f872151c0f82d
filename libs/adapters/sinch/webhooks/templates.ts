import { templateCategories, type TemplateCategory } from '#domain/consent';
import { recordOf, textOf, timeOfSeconds, type Json } from '#contracts/webhooks/json';
import { facts, nothing, notUnderstood, type Meaning, type WebhookContext } from '#contracts/webhooks/updates';
import { PROVIDER } from './callback.js';

// Webhooks of the Provisioning API (platforms §1c, §1e). Their triggers are documented and their bodies are not, so
// each field is looked for under the names that Sinch's other APIs give it; what is not found makes a dead letter.

const PREFIX = 'WHATSAPP_TEMPLATE_';

interface TemplateNews {
  readonly account: string;
  /** The fields, wherever the body keeps them. */
  readonly said: (...names: readonly string[]) => unknown;
}

const newsOf = (body: Json, { account }: WebhookContext): TemplateNews => {
  const places = [body, ...['template', 'data', 'payload', 'event'].map((name) => recordOf(body[name]))];
  places.push(...places.map((place) => recordOf(place['template'])));
  return {
    account,
    said: (...names) => {
      for (const place of places) for (const name of names) if (place[name] !== undefined) return place[name];
      return undefined;
    },
  };
};

const triggerIn = (body: Json): string | undefined =>
  ['trigger', 'type', 'eventType', 'event_type', 'event']
    .map((name) => textOf(body[name]))
    .find((trigger) => trigger?.startsWith('WHATSAPP_'));

const identityOf = ({ account, said }: TemplateNews) => {
  const name = textOf(said('name', 'templateName', 'template_name'));
  const language = textOf(said('language', 'languageCode', 'language_code'));
  const time = said('eventTime', 'event_time', 'timestamp', 'time', 'updatedAt', 'createdAt');
  const at = typeof time === 'number' ? timeOfSeconds(time) : textOf(time);
  return { account, name, language, at };
};

const categoryOf = (value: unknown): TemplateCategory | undefined =>
  templateCategories.find((category) => category === textOf(value)?.toLowerCase());

const notice = (news: TemplateNews, event: string | undefined): Meaning => {
  const { name, language, at, account } = identityOf(news);
  return facts({
    topic: 'template-approvals',
    kind: 'notice',
    id: `${account}/${PROVIDER}/template/${name}.${language}/${event}/${at}`,
    about: `${name}.${language}`,
    data: {
      account,
      name,
      language,
      at,
      notice: event,
      category: categoryOf(news.said('category')),
      reason: textOf(news.said('rejectionCode', 'rejectionReason', 'reason'))?.slice(0, 4096),
    },
  });
};

const recategorisation = (news: TemplateNews, effectiveAt: unknown): Meaning => {
  const { name, language, at, account } = identityOf(news);
  const newCategory = categoryOf(news.said('newCategory', 'new_category', 'correctCategory', 'category'));
  return facts({
    topic: 'template-approvals',
    kind: 'recategorisation',
    id: `${account}/${PROVIDER}/template/${name}.${language}/${newCategory}/${at}`,
    about: `${name}.${language}`,
    data: { account, name, language, at, newCategory, effectiveAt },
  });
};

/** What each trigger says, by its name without the prefix. */
const triggers: ReadonlyMap<string, (news: TemplateNews) => Meaning> = new Map(
  Object.entries<(news: TemplateNews) => Meaning>({
    APPROVED: (news) => notice(news, 'APPROVED'),
    REJECTED: (news) => notice(news, 'REJECTED'),
    DELETED: (news) => notice(news, 'DELETED'),
    // The state is what Meta says; `status` would be that of an edit that waits for its approval (platforms §1e).
    STATUS_UPDATED: (news) => notice(news, textOf(news.said('state', 'newState'))?.toUpperCase()),
    QUALITY_SCORE_UPDATED: (news) => {
      const score = textOf(news.said('newQualityScore', 'qualityScore', 'quality_score'))?.toUpperCase();
      return notice(news, score === undefined ? undefined : `QUALITY_${score}`);
    },
    CATEGORY_UPDATED: (news) => recategorisation(news, undefined),
    CATEGORY_FUTURE_UPDATE: (news) => {
      const at = news.said('effectiveAt', 'categoryUpdateTime', 'categoryUpdateTimestamp');
      // Without its time it would take effect at once, which no one announced.
      return recategorisation(news, (typeof at === 'number' ? timeOfSeconds(at) : textOf(at)) ?? null);
    },
    COMMENT_ADDED: () => nothing,
  }),
);

/** Undefined for a body that is no webhook of the Provisioning API. */
export const provisioningNews = (body: Json, context: WebhookContext): Meaning | undefined => {
  const trigger = triggerIn(body);
  if (trigger === undefined) return undefined;
  // Limits and ratings of our numbers: no rule reads them.
  if (trigger.startsWith('WHATSAPP_SENDER_')) return nothing;
  const meaningOf = triggers.get(trigger.slice(PREFIX.length));
  return trigger.startsWith(PREFIX) && meaningOf !== undefined
    ? meaningOf(newsOf(body, context))
    : notUnderstood('trigger', 'The trigger is unknown.', 'Unsubscribe from it, or update Tidegate.');
};
