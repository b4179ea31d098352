/** Reads the contents of logical volumes. */

import { type BlockSource, checkRange } from '../block/block.ts';
import { UserError } from '../error/user-error.ts';
import type { FoundGroup } from './reader.ts';
import { extentCountOf, type LogicalVolume, type Segment, STRIPED } from './volume-group.ts';

/** A stripe, and the source of its bytes. */
interface OpenStripe {
  readonly source: BlockSource;
  readonly startBytes: number;
}

interface OpenSegment {
  readonly startBytes: number;
  readonly lengthBytes: number;
  readonly stripeBytes: number;
  readonly stripes: readonly OpenStripe[];
}

function openSegment(
  { group, physicalVolumes }: FoundGroup,
  volume: LogicalVolume,
  segment: Segment,
): OpenSegment {
  const fail = (message: string): never => {
    throw new UserError(`logical volume "${volume.name}" of "${group.name}": ${message}`);
  };
  if (segment.type !== STRIPED) {
    fail(
      `its segment at extent ${segment.startExtent} is of the type ${segment.type}; only linear and striped segments can be read`,
    );
  }
  const { extentBytes } = group;
  const stripeExtents = segment.extentCount / segment.stripes.length;
  const stripes = segment.stripes.map(({ physicalVolume, startExtent }): OpenStripe => {
    const described = group.physicalVolumes.find(({ name }) => name === physicalVolume);
    if (described === undefined) return fail(`it is on another logical volume, ${physicalVolume}`);
    const found = physicalVolumes.get(physicalVolume);
    if (found === undefined) return fail(`it is on ${physicalVolume} (${described.uuid}), which is missing`);
    const startBytes = described.dataStartBytes + startExtent * extentBytes;
    if (startBytes + stripeExtents * extentBytes > found.source.sizeBytes) {
      fail(`it extends past the end of ${found.name}, which has ${found.source.sizeBytes} bytes`);
    }
    return { source: found.source, startBytes };
  });
  return {
    startBytes: segment.startExtent * extentBytes,
    lengthBytes: segment.extentCount * extentBytes,
    // A single stripe is one contiguous piece.
    stripeBytes: stripes.length === 1 ? segment.extentCount * extentBytes : segment.stripeBytes,
    stripes,
  };
}

/** Reads from `offsetBytes` of a segment, at most to the end of the contiguous piece. */
function readPiece(
  { stripes, stripeBytes }: OpenSegment,
  offsetBytes: number,
  lengthBytes: number,
): Uint8Array {
  const inStripe = offsetBytes % stripeBytes;
  const number = (offsetBytes - inStripe) / stripeBytes;
  const stripe = stripes[number % stripes.length];
  if (stripe === undefined) throw new RangeError(`no stripe for byte ${offsetBytes}`);
  const position = stripe.startBytes + Math.floor(number / stripes.length) * stripeBytes + inStripe;
  return stripe.source.read(position, Math.min(lengthBytes, stripeBytes - inStripe));
}

/**
 * Opens a logical volume for reading.
 *
 * @throws UserError if the group has no such volume, one of its physical volumes is missing, or the
 *   volume is neither linear nor striped
 */
export function openLogicalVolume(found: FoundGroup, name: string): BlockSource {
  const { group } = found;
  const volume = group.logicalVolumes.find((candidate) => candidate.name === name);
  if (volume === undefined) {
    const names = group.logicalVolumes.map((candidate) => candidate.name).join(', ');
    throw new UserError(
      `volume group "${group.name}" has no logical volume "${name}"; it has: ${names || 'none'}`,
    );
  }
  const segments = volume.segments.map((segment) => openSegment(found, volume, segment));
  const sizeBytes = extentCountOf(volume) * group.extentBytes;
  return {
    sizeBytes,
    read(offsetBytes, lengthBytes) {
      checkRange('read', offsetBytes, lengthBytes, sizeBytes);
      const bytes = new Uint8Array(lengthBytes);
      for (let done = 0; done < lengthBytes; ) {
        const position = offsetBytes + done;
        const segment = segments.findLast(({ startBytes }) => startBytes <= position);
        if (segment === undefined) throw new RangeError(`no segment for byte ${position}`);
        const inSegment = position - segment.startBytes;
        const piece = readPiece(
          segment,
          inSegment,
          Math.min(lengthBytes - done, segment.lengthBytes - inSegment),
        );
        bytes.set(piece, done);
        done += piece.length;
      }
      return bytes;
    },
  };
}
