import type { KafkaMessage } from 'kafkajs';
import { instantOf } from '#domain/time';
import type { ReceivedMessage } from '#application/ports/message-queue';

export function receivedMessage(topic: string, partition: number, message: KafkaMessage): ReceivedMessage {
  const { key, value, headers, offset, timestamp } = message;
  return {
    topic,
    partition,
    offset: Number(offset),
    key: key?.toString() ?? '',
    value: value?.toString() ?? null,
    headers: headersOf(headers),
    at: instantOf(Number(timestamp)),
  };
}

/** A header given several times counts with its last value, as in Kafka's own clients. */
function headersOf(received: KafkaMessage['headers']): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in received) {
    const value = received[name];
    headers[name] = String((Array.isArray(value) ? value.at(-1) : value) ?? '');
  }
  return headers;
}
