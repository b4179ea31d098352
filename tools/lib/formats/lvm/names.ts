import { UserError } from '../error/user-error.ts';

/**
 * Checks names against the rules of lvm2 (lib/misc/lvm-string.c) and the limits of the kernel's
 * device mapper.
 */

/** lvm-string.c, NAME_LEN with the terminating NUL. */
const NAME_CHARACTERS = 127;
/** linux/dm-ioctl.h, DM_NAME_LEN with the terminating NUL. */
const DEVICE_CHARACTERS = 127;
/** A tag's limit in lvm(8), "TAGS". */
const TAG_CHARACTERS = 1024;

const NAME_PATTERN = /^[a-zA-Z0-9._+-]+$/;
const TAG_PATTERN = /^[a-zA-Z0-9._+/=!:&#-]+$/;

/** lvm-string.c, _lvname_has_reserved_prefix: names of volumes that lvm2 itself creates. */
const RESERVED_PREFIXES: readonly string[] = ['pvmove', 'snapshot'];
/** lvm-string.c, _lvname_has_reserved_component_string and _lvname_has_reserved_string. */
const RESERVED_PARTS: readonly string[] = [
  '_cdata',
  '_cmeta',
  '_corig',
  '_cpool',
  '_cvol',
  '_wcorig',
  '_mimage',
  '_mlog',
  '_rimage',
  '_rmeta',
  '_tdata',
  '_tmeta',
  '_vdata',
  '_imeta',
  '_iorig',
  '_pmspare',
  '_vorigin',
];

function nameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.startsWith('-')) return 'it begins with a hyphen';
  if (name === '.' || name === '..') return 'it is a directory';
  if (!NAME_PATTERN.test(name)) return 'it may contain only letters, digits and . _ - +';
  if (name.length > NAME_CHARACTERS)
    return `it has ${name.length} characters, lvm2 allows at most ${NAME_CHARACTERS}`;
  return undefined;
}

function logicalNameProblem(name: string): string | undefined {
  const prefix = RESERVED_PREFIXES.find((reserved) => name.startsWith(reserved));
  if (prefix !== undefined) return `lvm2 reserves names that begin with "${prefix}"`;
  const part = RESERVED_PARTS.find((reserved) => name.includes(reserved));
  if (part !== undefined) return `lvm2 reserves names that contain "${part}"`;
  return nameProblem(name);
}

/** Returns the name of a volume's device in /dev/mapper: hyphens within the names are doubled. */
export function mapperName(groupName: string, volumeName: string): string {
  return [groupName, volumeName].map((name) => name.replaceAll('-', '--')).join('-');
}

/** Throws a {@link UserError} if lvm2 refuses the name of a volume group. */
export function checkGroupName(name: string): void {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new UserError(`volume group name "${name}": ${problem}`);
}

/**
 * Throws a {@link UserError} if lvm2 refuses the name of a logical volume, or the kernel the name
 * of its device.
 */
export function checkVolumeName(groupName: string, name: string): void {
  const problem = logicalNameProblem(name);
  if (problem !== undefined) throw new UserError(`logical volume name "${name}": ${problem}`);
  const device = mapperName(groupName, name);
  if (device.length > DEVICE_CHARACTERS) {
    throw new UserError(
      `logical volume "${name}" of "${groupName}": its device /dev/mapper/${device} has a name of ${device.length} ` +
        `characters, the kernel allows ${DEVICE_CHARACTERS}; shorten one of the two`,
    );
  }
}

/** Throws a {@link UserError} if lvm2 refuses a tag. */
export function checkTag(tag: string): void {
  if (!TAG_PATTERN.test(tag) || tag.length > TAG_CHARACTERS) {
    throw new UserError(
      `tag "${tag}": write 1 to ${TAG_CHARACTERS} letters, digits and . _ - + / = ! : & # characters`,
    );
  }
}
