import { describe, expect, it } from 'vitest';
import { expandBootArgs } from './boot-args.ts';

const HEAD = '# GRUB Environment Block\n';
const VALUES = { ROOT_HASH: 'ab'.repeat(32), HASH_OFFSET: '4096' };

describe('boot arguments', () => {
  it('contain the root hash of the partition that they boot', () => {
    const text = expandBootArgs(
      `${HEAD}BOOT_ARGS_A=root_hash=@ROOT_HASH@ hash_offset=@HASH_OFFSET@\n`,
      'boot_args',
      VALUES,
    );
    expect(text).toBe(`${HEAD}BOOT_ARGS_A=root_hash=${'ab'.repeat(32)} hash_offset=4096\n`);
  });

  it.each([
    ['no signature', 'BOOT_ARGS=quiet\n', 'boot_args:1: the first line must be'],
    ['a shell command', `${HEAD}insmod evil\n`, 'boot_args:2: a line must be a comment'],
    ['another variable', `${HEAD}prefix=(hd0)\n`, 'boot_args:2: a line must be a comment'],
    ['a substitution', `${HEAD}BOOT_ARGS=$(reboot)\n`, 'boot_args:2: arguments may contain only'],
    ['two blanks', `${HEAD}BOOT_ARGS=a  b\n`, 'boot_args:2: arguments may contain only'],
    ['an unknown placeholder', `${HEAD}BOOT_ARGS=x=@UUID@\n`, 'boot_args:2: @UUID@ is unknown'],
    ['a name twice', `${HEAD}BOOT_ARGS=a\nBOOT_ARGS=b\n`, 'boot_args:3: BOOT_ARGS occurs twice'],
    ['no line at all', HEAD, 'boot_args: no BOOT_ARGS line'],
  ])('refuse %s', (_what, template, message) => {
    expect(() => expandBootArgs(template, 'boot_args', VALUES)).toThrow(message);
  });
});
