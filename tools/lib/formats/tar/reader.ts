/** Reads tar archives from memory or from streams. */

import type { Entry } from '../entry/entry.ts';
import { type TarEvent, TarParser } from './parser.ts';
import { zeros } from './zeros.ts';

export type { TarData, TarEvent, TarMember } from './parser.ts';

/**
 * Reads an archive from memory: each member, then the pieces of its content.
 *
 * @param archive the archive's name, for errors
 * @throws UserError if the archive is damaged or hostile: one line that names the archive, the
 *   entry and the rule
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

/** {@link readTarSync} for a stream, such as the output of a decompressor. */
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
  // The parser reports a truncated archive here.
  while (!step.done) {
    if (step.value !== undefined) yield step.value;
    step = parsing.next(undefined);
  }
}

/** A member with its content. */
export interface TarFile {
  readonly entry: Entry;
  /**
   * Reads the content in order, with zeros in holes. Must be read before the caller requests the
   * next member.
   */
  content(): AsyncGenerator<Uint8Array, void, undefined>;
}

/** {@link readTar}, member by member. Content that the caller does not read is skipped. */
export async function* readTarFiles(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  archive: string,
): AsyncGenerator<TarFile, void, undefined> {
  const events = readTar(chunks, archive);
  let step = await events.next();
  let current: Entry | undefined;
  const contentOf = async function* (entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
    if (entry !== current) throw new Error(`the content of ${entry.path} was requested too late`);
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
