/** Reads the options that `ext4-image` and `erofs-image` share. */

import { required, TEXT } from '../../runtime/cli/cli.ts';
import { LABEL_OPTIONS } from './label.ts';
import { type ImageTarget, imageTarget, RAW_OPTION, TREE_OPTIONS } from './options.ts';
import {
  type Identifier,
  identifiersOf,
  VERITY_OPTIONS,
  type VerityTarget,
  verityTarget,
} from './verity-options.ts';

export const PARTITION_OPTIONS = {
  ...TREE_OPTIONS,
  ...RAW_OPTION,
  ...LABEL_OPTIONS,
  ...VERITY_OPTIONS,
  uuid: TEXT,
};

/**
 * The outputs of a tool that writes a partition with a file system, and the source of its
 * identifiers.
 */
export interface PartitionOutputs {
  readonly identifier: Identifier;
  readonly target: ImageTarget;
  /** The list of entries; `undefined` if it is not wanted. */
  readonly entriesPath: string | undefined;
  /** The hash tree; `undefined` if it is not wanted. */
  readonly verity: VerityTarget | undefined;
}

type Values = Parameters<typeof imageTarget>[0] &
  Parameters<typeof verityTarget>[0] & {
    readonly identity?: string | undefined;
    readonly entries?: string | undefined;
  };

/**
 * Reads the outputs from the values of {@link PARTITION_OPTIONS}.
 *
 * @param output registers the path of an output file
 * @throws UserError if an option is missing or wrong
 */
export function partitionOutputs(values: Values, output: (path: string) => string): PartitionOutputs {
  const identity = required(values.identity, 'identity');
  return {
    identifier: identifiersOf(identity),
    target: imageTarget(values, output),
    entriesPath: values.entries === undefined ? undefined : output(values.entries),
    verity: verityTarget(values, identity, output),
  };
}
