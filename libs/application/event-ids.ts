import { v5 } from 'uuid';
import { customerEventKey, type CustomerEvent } from '#domain/gate/events';

/** Tidegate's own namespace: changing it would make every repeat look new. */
const NAMESPACE = '6f1c2b52-6f0e-5c39-9d0c-7a9b7f6f6c11';

/** The id of a fact within a stream: the same fact has the same id, so that a repeat is the same event. */
export const factId = (stream: string, key: string): string => v5(`${stream}/${key}`, NAMESPACE);

export const customerEventId = (stream: string, event: CustomerEvent): string =>
  factId(stream, customerEventKey(event));
