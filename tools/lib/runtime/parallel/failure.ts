/**
 * Sends errors between threads. Structured clone alone loses classes and the fields of system
 * errors.
 */

import { UserError } from '../../formats/error/user-error.ts';

/** The fields of system errors, except the message. */
const SYSTEM_FIELDS = ['code', 'errno', 'syscall', 'path', 'dest'] as const;

type Fields = Readonly<Record<string, string | number>>;

export type Failure =
  | { readonly kind: 'user'; readonly message: string; readonly stack: string | undefined }
  | { readonly kind: 'other'; readonly error: unknown; readonly fields: Fields };

function systemFields(error: Error): Fields {
  const fields: Record<string, string | number> = {};
  for (const field of SYSTEM_FIELDS) {
    const value: unknown = Reflect.get(error, field);
    if (typeof value === 'string' || typeof value === 'number') fields[field] = value;
  }
  return fields;
}

/** Converts an error to a form that can be sent. */
export function failureOf(error: unknown): Failure {
  if (error instanceof UserError) return { kind: 'user', message: error.message, stack: error.stack };
  if (error instanceof Error) return { kind: 'other', error, fields: systemFields(error) };
  return { kind: 'other', error: new Error(String(error)), fields: {} };
}

/** Restores an error that was sent: a `UserError` keeps its class, a system error its fields. */
export function failureToError(failure: Failure): unknown {
  if (failure.kind === 'user') {
    const error = new UserError(failure.message);
    if (failure.stack !== undefined) error.stack = failure.stack;
    return error;
  }
  return failure.error instanceof Error ? Object.assign(failure.error, failure.fields) : failure.error;
}
