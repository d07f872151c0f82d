import { randomUUID } from 'node:crypto';
import type { DomainEvent, NewEvent } from '#application/ports/event-store';
import { instantOf } from '#domain/time';

// Sample domain events. Their content is plausible but arbitrary: tests of stores look at identity and order only.

const noon = instantOf(Date.UTC(2026, 4, 4, 12));

export const messageReceived = (messageId: string, text = 'Hello'): DomainEvent => ({
  type: 'CustomerMessageReceived',
  at: noon,
  provider: 'sandbox',
  sender: '15550001111',
  messageId,
  messageType: 'text',
  origin: 'customer',
  receivedAt: noon,
  opens: true,
  authored: true,
  policy: 'sinch-2021@1',
  personal: { from: '491700000001', name: 'Ada', text },
});

export const accountRegistered = (): DomainEvent => ({ type: 'AccountRegistered', at: noon, zone: 'UTC' });

export const templateApproved = (): DomainEvent => ({
  type: 'TemplateApproved',
  at: noon,
  category: 'utility',
  parameters: ['name'],
});

export const monthClosed = (month: string): DomainEvent => ({
  type: 'MonthClosed',
  at: noon,
  month,
  zone: 'UTC',
  rule: 'sent-or-received-v1',
  users: 42,
  position: 7,
});

export const newEvent = (event: DomainEvent, id: string = randomUUID()): NewEvent => ({
  id,
  event,
  metadata: {
    correlationId: `correlation-${id}`,
    causationId: `causation-${id}`,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
});

/** One new event with a message that no other event has. */
export const newMessage = (text?: string): NewEvent => {
  const id = randomUUID();
  return newEvent(messageReceived(id, text), id);
};

export const newMessages = (count: number): readonly NewEvent[] => Array.from({ length: count }, () => newMessage());
