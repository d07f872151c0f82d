import { errorCodes, type ErrorCode } from '#application/errors';
import { Optional, Says, Shown } from '../inbound/fields.js';

/** An error as RFC 9457 has it, `application/problem+json`. */
export class ProblemView {
  @Says('`urn:tidegate:problem:<code>`, or `about:blank` where the status is all there is to know.')
  @Shown({ type: 'string', format: 'uri' })
  type: string;
  @Shown({ type: 'string' }) title: string;
  @Shown({ type: 'integer', minimum: 400, maximum: 599 }) status: number;
  @Optional() @Shown({ type: 'string' }) detail?: string;
  @Optional() @Shown({ type: 'string', enum: [...errorCodes] }) code?: ErrorCode;
  @Says('The path of the field at fault, or the name of the parameter; empty for the whole.')
  @Optional()
  @Shown({ type: 'string' })
  field?: string;
  @Says('What to do about it.') @Optional() @Shown({ type: 'string' }) remedy?: string;
  @Says('Of the faulty intent in a batch, from 0.') @Optional() @Shown({ type: 'integer', minimum: 0 }) index?: number;
}
