/** The options for a dm-verity hash tree, and the identifiers that are given or derived. */

import { UserError } from '../../formats/error/user-error.ts';
import { derivedSalt, derivedUuid } from '../../formats/uuid/identity.ts';
import { parseUuid } from '../../formats/uuid/uuid.ts';
import { required, SWITCH, TEXT } from '../../runtime/cli/cli.ts';

/** Whether to write a hash tree, its identifiers, and the file for its root hash. */
export const VERITY_OPTIONS = {
  verity: SWITCH,
  'verity-salt': TEXT,
  'verity-uuid': TEXT,
  'root-hash': TEXT,
};

/**
 * Returns the UUID that was given for a role, or the one derived from the stable name of the
 * target.
 */
export type Identifier = (uuid: string | undefined, role: string) => string;

export function identifiersOf(identity: string): Identifier {
  return (uuid, role) => (uuid === undefined ? derivedUuid(identity, role) : parseUuid(uuid, `--${role}`));
}

/** Salt and UUID of a hash tree. */
export interface VerityIdentity {
  /** Hexadecimal. */
  readonly salt: string;
  readonly uuid: string;
}

/** A hash tree to write, and the file for its root hash. */
export interface VerityTarget {
  readonly identity: VerityIdentity;
  readonly rootHashPath: string;
}

const SALT_PATTERN = /^[0-9a-f]{64}$/i;

function veritySalt(salt: string | undefined, identity: string): string {
  if (salt === undefined) return derivedSalt(identity, 'verity-salt');
  if (!SALT_PATTERN.test(salt)) throw new UserError(`--verity-salt=${salt}: write 64 hexadecimal digits`);
  return salt.toLowerCase();
}

/** Reads {@link VERITY_OPTIONS}; `undefined` without `--verity`. */
export function verityTarget(
  values: {
    readonly verity?: boolean | undefined;
    readonly 'verity-salt'?: string | undefined;
    readonly 'verity-uuid'?: string | undefined;
    readonly 'root-hash'?: string | undefined;
  },
  identity: string,
  output: (path: string) => string,
): VerityTarget | undefined {
  if (values.verity !== true) return undefined;
  return {
    identity: {
      salt: veritySalt(values['verity-salt'], identity),
      uuid: identifiersOf(identity)(values['verity-uuid'], 'verity-uuid'),
    },
    rootHashPath: output(required(values['root-hash'], 'root-hash')),
  };
}
