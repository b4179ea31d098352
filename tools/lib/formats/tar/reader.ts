/** Drives the tar parser with input that is there already or arrives over time. */

import type { Entry } from '../entry/entry.ts';
import { type TarEvent, TarParser } from './parser.ts';

export type { TarData, TarEvent, TarMember } from './parser.ts';

/**
 * The events of an archive whose bytes are at hand: each member, then the pieces of its content.
 *
 * @param archive the archive's name, for errors
 * @throws UserError where the archive is damaged or hostile: one line that names archive, entry and rule
 */
export function* readTarSync(
  chunks: Iterable<Uint8Array>,
  archive: string,
): Generator<TarEvent, void, undefined> {
  const parsing = new TarParser(archive).events();
  const input = chunks[Symbol.iterator]();
  for (let step = parsing.next(); !step.done; ) {
    if (step.value === undefined) {
      const chunk = input.next();
      step = parsing.next(chunk.done ? undefined : chunk.value);
    } else {
      yield step.value;
      step = parsing.next();
    }
  }
}

/** {@link readTarSync} for bytes that arrive over time, such as those of a decompressor. */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  archive: string,
): AsyncGenerator<TarEvent, void, undefined> {
  const parsing = new TarParser(archive).events();
  let step = parsing.next();
  for await (const chunk of chunks) {
    if (step.done) break;
    step = parsing.next(chunk);
    while (!step.done && step.value !== undefined) {
      yield step.value;
      step = parsing.next();
    }
  }
  // What is left to say at the end of the input is that it came too early, if it did.
  while (!step.done) {
    if (step.value !== undefined) yield step.value;
    step = parsing.next(undefined);
  }
}

/** An archive's member with its content. */
export interface TarFile {
  readonly entry: Entry;
  /** The pieces of the content in order, holes filled with zeros; to be read before the next member is asked for. */
  content(): AsyncGenerator<Uint8Array, void, undefined>;
}

const ZEROS = new Uint8Array(65536);

function* zeros(count: number): Generator<Uint8Array, void, undefined> {
  for (let left = count; left > 0; left -= ZEROS.length)
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}

/** {@link readTar} member by member; content that is not read is skipped. */
export async function* readTarFiles(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  archive: string,
): AsyncGenerator<TarFile, void, undefined> {
  const events = readTar(chunks, archive);
  let step = await events.next();
  let current: Entry | undefined;
  const contentOf = async function* (entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
    if (entry !== current) throw new Error(`the content of ${entry.path} was asked for too late`);
    let position = 0;
    for (; !step.done && step.value.kind === 'data'; step = await events.next()) {
      yield* zeros(step.value.positionBytes - position);
      yield step.value.bytes;
      position = step.value.positionBytes + step.value.bytes.length;
    }
    if (entry.type === 'file') yield* zeros(entry.sizeBytes - position);
  };
  while (!step.done) {
    if (step.value.kind === 'data') {
      step = await events.next();
      continue;
    }
    const { entry } = step.value;
    step = await events.next();
    current = entry;
    yield { entry, content: () => contentOf(entry) };
  }
}
