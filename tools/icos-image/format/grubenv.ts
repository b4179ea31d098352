import { SIGNATURE } from '../../lib/formats/grubenv/format.ts';
import { GRUB_ENVIRONMENT_BYTES, parseGrubEnvironment } from '../../lib/formats/grubenv/grubenv.ts';
import { type Content, type Format, peek } from '../content.ts';

/** GRUB's environment block at the start of a partition that contains nothing else. */
export const grubenv: Format = {
  name: 'grubenv',
  matches: (source) => peek(source, 0, SIGNATURE.length).toString('latin1') === SIGNATURE,
  open(source, name): Content {
    const block = peek(source, 0, GRUB_ENVIRONMENT_BYTES);
    const variables = Object.fromEntries(parseGrubEnvironment(block, name));
    return { format: 'grubenv', source, facts: { variables }, parts: [] };
  },
};
