import { createHash } from 'node:crypto';
import { UserError } from '../../formats/error/user-error.ts';

const SALT_PATTERN = /^[0-9a-f]{64}$/i;

/** The salt that was asked for, or one derived from the target's stable name. Hexadecimal. */
export function veritySalt(salt: string | undefined, identity: string): string {
  if (salt === undefined) return createHash('sha256').update(`${identity}#verity-salt`).digest('hex');
  if (!SALT_PATTERN.test(salt)) throw new UserError(`--verity-salt=${salt}: write 64 hexadecimal digits`);
  return salt.toLowerCase();
}
