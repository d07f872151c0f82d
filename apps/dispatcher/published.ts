import type { RecordedEvent } from '#application/ports/event-store';
import type { OutgoingMessage } from '#application/ports/message-queue';
import type { Telemetry } from '#application/ports/telemetry';
import { outcomes } from '#domain/gate/verdict';
import { streamParts } from '#application/streams';
import { sendCommandMessage } from '#contracts/outbound/send-commands';
import { cancelledDecision, decisionOf, sendDecisionMessage } from '#contracts/outbound/send-decisions';

const SOURCE = '/tidegate/dispatcher';

/** The messages that an event of the log calls for: its id is the message's id, so a repeat can be dropped. */
export const messagesOf = ({ id, stream, event, revision, metadata }: RecordedEvent): readonly OutgoingMessage[] => {
  const parts = streamParts(stream);
  const customer = parts?.rest[0];
  if (parts === undefined || customer === undefined) return [];
  const { account } = parts;
  const attributes = { id, source: SOURCE, at: event.at, traceparent: metadata.traceparent };
  switch (event.type) {
    case 'SendAuthorised': {
      const { intent, ordinal, validUntil } = event;
      const command = {
        account,
        customer,
        intentId: intent.intentId,
        ordinal,
        sender: intent.sender,
        validUntil,
        revision,
      };
      return [
        sendDecisionMessage(decisionOf(account, customer, event, revision), attributes),
        sendCommandMessage(command, attributes),
      ];
    }
    case 'SendRefused':
    case 'SendHeld':
    case 'SendExpired':
      return [sendDecisionMessage(decisionOf(account, customer, event, revision), attributes)];
    case 'SendCancelled':
      return [sendDecisionMessage(cancelledDecision(account, customer, event, revision), attributes)];
    default:
      return [];
  }
};

/** Counts the decisions among the events by outcome and reason. */
export const countDecisions = (events: readonly RecordedEvent[], telemetry: Telemetry): void => {
  for (const { event } of events) {
    switch (event.type) {
      case 'SendRefused':
      case 'SendHeld':
        telemetry.decided(outcomes[event.type], event.reason, 1);
        break;
      case 'SendAuthorised':
      case 'SendExpired':
      case 'SendCancelled':
        telemetry.decided(outcomes[event.type], null, 1);
        break;
      default:
    }
  }
};
