import type { Category, DomainEvent } from '#application/ports/event-store';
import { ruleIds } from '#domain/gate/events';
import { schemaVersionOf } from './codec.js';
import { eventTypes, isEventType } from './event-types.js';

type EventType = DomainEvent['type'];

/** What each event says happened. */
const meanings: Readonly<Record<EventType, string>> = {
  CustomerMessageReceived:
    'a message came in, of the customer or seen on the way to them; `opens` if it opened a window',
  CustomerCallReceived: 'the customer called',
  CustomerOptedIn: 'consent was given for a scope',
  CustomerOptedOut: 'consent was withdrawn for a scope',
  CustomerLinked:
    "this stream is closed; the survivor's goes on. Of a changed number `gaveUp` says whose is the former one, and `keepsConsent` if opt-ins come along",
  CustomerMerged:
    "in the survivor's stream: what it took over, with the `aliases` that were taken over before, those that are `former`, and what is `personal` of the intents",
  NumberChanged: 'the customer gave up the aliases in `former`: window and consent of before no longer count',
  RecipientCooledDown: 'the provider asks not to write to the customer for a time',
  WindowCorrected: 'the provider saw the window closed when an attempt started',
  SendAuthorised: 'an intent may be sent until `validUntil`',
  SendRefused: 'an intent may not be sent; `remedy` says what would have changed it',
  SendHeld: 'an intent waits',
  SendExpired: 'an intent was not sent in time',
  SendReleased: 'a held intent was looked at again; its new decision follows in the same append',
  SendCancelled: 'the upstream took an intent back; without `intent`, before it came',
  SendRevoked: 'a permit was taken back by the re-check before the call',
  SendStarted: 'a worker claimed an attempt and is about to call the provider',
  SendAccepted: 'the provider took the message',
  SendFailed: 'the provider refused the message; `final` if there is no further attempt',
  SendOutcomeUnknown: 'nobody knows whether the provider took the message: it is never sent again blindly',
  MessageDelivered: 'the provider reported a message delivered',
  MessageRead: 'the provider reported a message read',
  VerdictRevised:
    'a fact that came late proves a decision wrong: it `said` one thing, and `withLateFacts` the rules say another. The decision stands',
  TemplateApproved: 'the template may be sent',
  TemplatePending: 'the template waits for approval',
  TemplateRejected: 'the template was not approved',
  TemplatePaused: 'the template may not be sent for now',
  TemplateDisabled: 'the template may not be sent any more',
  TemplateDeleted: 'the template is gone',
  TemplateFlagged: "the provider warns of the template's quality; its status stays",
  TemplateNoticeUnrecognised: 'the provider said something that the gate does not know; the status stays',
  TemplateRecategorised: "the template's category changes at `effectiveAt`",
  AccountRegistered: 'the account exists',
  SenderRegistered: 'a business phone number of the account can be sent from',
  PolicyChanged: 'the account follows a policy from `effectiveAt` on',
  AllowanceChanged: "the account's allowance of active users changes at `effectiveAt`",
  KeywordsChanged: "the account's opt-out words changed",
  ZoneChanged: "the account's billing time zone changes with the next month",
  MonthClosed: 'the active users of a month were counted for good',
  MauAdjusted: 'a fact that came later changes the count of a closed month',
};

const streams: Readonly<Record<Category, string>> = {
  customer: '`customer-<account>.<customer>`: one person as one account knows them',
  template: '`template-<account>.<name>.<language>`: one template, both parts percent-encoded',
  account: '`account-<account>`: one business',
  mau: '`mau-<account>.<month>`: one closed month',
};

const categories = ['customer', 'template', 'account', 'mau'] as const satisfies readonly Category[];

const fieldsOf = (golden: unknown): string =>
  Object.keys(Object(Object(golden).data))
    .filter((field) => field !== 'type' && field !== 'at')
    .map((field) => `\`${field}\``)
    .join(', ');

/** The name of the sample of an event as a schema version stores it. */
export const goldenFile = (type: EventType, version = schemaVersionOf(type)): string => `${type}.v${version}.json`;

/** The page on stored events. @param read a golden file, as JSON */
export const eventsPage = (read: (file: string) => unknown): string => {
  const types = Object.keys(eventTypes).filter(isEventType);
  const entry = (type: EventType): string => {
    const fields = fieldsOf(read(goldenFile(type)));
    const sample = `../../libs/contracts/events/golden/${goldenFile(type)}`;
    return `- **[${type}](${sample})**: ${meanings[type]}.${fields === '' ? '' : ` ${fields}`}\n`;
  };
  return `# Stored events

The log is the only truth; everything else is folded from it. Names of events and fields are read for ever: they change only by an upcaster. Each name leads to a sample as it is stored.

All events have \`at\`: when it was true, in milliseconds since 1970, by the provider's or the source's time, or ours for what the gate itself did. Beside it a store keeps metadata: \`schemaVersion\`, \`correlationId\`, \`causationId\` and, where there is one, \`traceparent\`. What identifies a person or quotes them stands in \`personal\` alone. A \`trace\` has a letter for each of the rules ${ruleIds.join(', ')}: \`a\` applies, \`p\` passed, \`n\` not applicable, \`-\` not said; a decision of schema version 1 spells them out.
${categories
  .map(
    (category) =>
      `\n## ${streams[category]}\n\n${types
        .filter((type) => eventTypes[type] === category)
        .map(entry)
        .join('')}`,
  )
  .join('')}`;
};
