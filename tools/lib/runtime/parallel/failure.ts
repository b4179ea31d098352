/** Errors on their way between threads: structured clone alone loses classes and the fields of system errors. */

import { UserError } from '../../formats/error/user-error.ts';

/** What system errors say beside their message. */
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

/** An error as it can be sent. */
export function failureOf(error: unknown): Failure {
  if (error instanceof UserError) return { kind: 'user', message: error.message, stack: error.stack };
  if (error instanceof Error) return { kind: 'other', error, fields: systemFields(error) };
  return { kind: 'other', error: new Error(String(error)), fields: {} };
}

/** The error that was sent: a `UserError` as one, a system error with its fields. */
export function failureToError(failure: Failure): unknown {
  if (failure.kind === 'user') {
    const error = new UserError(failure.message);
    if (failure.stack !== undefined) error.stack = failure.stack;
    return error;
  }
  return failure.error instanceof Error ? Object.assign(failure.error, failure.fields) : failure.error;
}
