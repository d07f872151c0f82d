import { hash } from 'node:crypto';
import { InfrastructureError } from '#application/errors';

/** Where a list goes on: opaque, and good only for the question that it came with. */
type Place = readonly (string | number)[];

const digestOf = (question: string): string => hash('sha256', question).slice(0, 12);

export const writeCursor = (question: string, place: Place): string =>
  Buffer.from(JSON.stringify([digestOf(question), ...place])).toString('base64url');

/** @throws InfrastructureError `message-invalid` */
export const readCursor = (question: string, cursor: string): Place => {
  try {
    const content: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(content)) {
      const [digest, ...place]: readonly unknown[] = content;
      if (digest === digestOf(question)) {
        const valid = place.filter((part) => typeof part === 'string' || Number.isSafeInteger(part));
        if (valid.length === place.length) return valid as Place;
      }
    }
  } catch {
    // Said below.
  }
  throw new InfrastructureError(
    'message-invalid',
    'The cursor is not of this list with these filters. Follow `next` as it is, or begin again without a cursor.',
    { field: 'cursor' },
  );
};
