import { templateCategories, type TemplateCategory } from '#domain/consent';
import { recordOf, textOf, timeOfSeconds } from '#contracts/webhooks/json';
import { facts, notUnderstood, type Fact, type Meaning } from '#contracts/webhooks/updates';
import { PROVIDER, type Change } from './change.js';

/** Undefined for a category that the rules do not know. */
const categoryOf = (value: unknown): TemplateCategory | undefined =>
  templateCategories.find((category) => category === textOf(value)?.toLowerCase());

/**
 * A template's status, quality or category, told apart by what is in it: Meta's own samples carry a wrong `field`
 * (platforms §2c).
 */
export const template = (change: Change): Meaning => {
  const { value } = change;
  if (value['new_category'] !== undefined || value['correct_category'] !== undefined) return category(change);
  if (value['new_quality_score'] !== undefined) {
    const [before, now] = [textOf(value['previous_quality_score']), textOf(value['new_quality_score'])];
    return notice(change, now === undefined ? now : `QUALITY_${now}`, `quality ${before ?? 'unknown'} to ${now}`);
  }
  if (value['event'] === undefined) {
    return notUnderstood('event', 'What happened to the template is unknown.', 'Update Tidegate, or ignore this.');
  }
  const info = recordOf(value['other_info']);
  const why = [value['reason'], info['title'], info['description'], recordOf(value['disable_info'])['disable_date']]
    .map((part) => (typeof part === 'number' ? timeOfSeconds(part) : textOf(part)))
    .filter((part) => part !== undefined && part !== 'NONE');
  return notice(change, textOf(value['event']), why.length === 0 ? undefined : why.join(', ').slice(0, 4096));
};

type Identity = Pick<Fact, 'topic' | 'about'> & {
  readonly data: Record<'account' | 'name' | 'language' | 'at', unknown>;
};

/** (account, name, language); the numeric id belongs to both (platforms §2c). */
const identityOf = ({ context: { account }, value, entryTime }: Change): Identity => {
  const name = textOf(value['message_template_name']);
  const language = textOf(value['message_template_language']);
  return {
    topic: 'template-approvals',
    about: `${name}.${language}`,
    data: { account, name, language, at: timeOfSeconds(entryTime) },
  };
};

const notice = (change: Change, event: string | undefined, reason: string | undefined): Meaning => {
  const { about, data } = identityOf(change);
  return facts({
    topic: 'template-approvals',
    kind: 'notice',
    id: `${change.context.account}/${PROVIDER}/template/${about}/${event}/${data.at}`,
    about,
    data: { ...data, notice: event, category: categoryOf(change.value['message_template_category']), reason },
  });
};

/** Ahead of a change `new_category` is still the present one, and `correct_category` is to come at its time. */
const category = (change: Change): Meaning => {
  const { value } = change;
  const { about, data } = identityOf(change);
  const isAhead = value['correct_category'] !== undefined;
  const newCategory = categoryOf(isAhead ? value['correct_category'] : value['new_category']);
  // Without its time it would take effect at once, which no one announced.
  const effectiveAt = isAhead ? (timeOfSeconds(value['category_update_timestamp']) ?? null) : undefined;
  return facts({
    topic: 'template-approvals',
    kind: 'recategorisation',
    id: `${change.context.account}/${PROVIDER}/template/${about}/${newCategory}/${effectiveAt ?? data.at}`,
    about,
    data: { ...data, newCategory, effectiveAt },
  });
};
