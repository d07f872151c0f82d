import type { MessageBatch, ReceivedMessage } from '#application/ports/message-queue';

export const valuesOf = ({ messages }: MessageBatch): (string | null)[] => messages.map(({ value }) => value);

export function byKey(messages: readonly Pick<ReceivedMessage, 'key' | 'value'>[]): Map<string, (string | null)[]> {
  const values = new Map<string, (string | null)[]>();
  for (const { key, value } of messages) values.set(key, [...(values.get(key) ?? []), value]);
  return values;
}

export function byPartition(messages: readonly ReceivedMessage[]): Map<number, ReceivedMessage[]> {
  const groups = new Map<number, ReceivedMessage[]>();
  for (const message of messages) groups.set(message.partition, [...(groups.get(message.partition) ?? []), message]);
  return groups;
}
