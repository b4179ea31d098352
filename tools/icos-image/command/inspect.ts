import { createHash } from 'node:crypto';
import { UserError } from '../../lib/formats/error/user-error.ts';
import { content as contentBytes, type ImageSource } from '../bytes/source.ts';
import type { Content, Json, Part } from '../content.ts';
import type { Image } from '../open.ts';

/**
 * The version of the JSON. Fields may be added within a version; none is removed or changes its
 * meaning.
 */
const REPORT_VERSION = 1;

type Node = { [key: string]: Json };

export interface InspectOptions {
  /** `--digests`: adds the SHA-256 of the image and of each part, which reads everything. */
  readonly digests: boolean;
}

export function sha256(source: ImageSource): string {
  const hash = createHash('sha256');
  for (const piece of contentBytes(source)) hash.update(piece);
  return hash.digest('hex');
}

async function partNode(part: Part, options: InspectOptions): Promise<Node> {
  const { name, number, startBytes, sizeBytes, facts } = part;
  const node: Node = { name };
  if (number !== undefined) node['number'] = number;
  if (startBytes !== undefined) node['startBytes'] = startBytes;
  node['sizeBytes'] = sizeBytes;
  if (Object.keys(facts).length > 0) node['table'] = facts;
  try {
    node['content'] = await contentNode(await part.open(), options);
  } catch (error) {
    // A damaged partition must not hide the others.
    if (!(error instanceof UserError)) throw error;
    node['problem'] = error.message;
  }
  return node;
}

async function contentNode(content: Content, options: InspectOptions): Promise<Node> {
  const node: Node = { format: content.format, imageBytes: content.source.sizeBytes, facts: content.facts };
  if (content.hashTree !== undefined) node['verity'] = { ...content.hashTree };
  if (options.digests) node['sha256'] = sha256(content.source);
  if (content.parts.length > 0) {
    const parts: Node[] = [];
    for (const part of content.parts) parts.push(await partNode(part, options));
    node['parts'] = parts;
  }
  return node;
}

/** The report that `inspect --json` prints. */
export async function inspect(image: Image, options: InspectOptions): Promise<Node> {
  const report: Node = {
    version: REPORT_VERSION,
    path: image.path,
    fileBytes: image.file.sizeBytes,
    compression: image.compression,
  };
  if (image.wrapper !== undefined) report['wrapper'] = { ...image.wrapper };
  if (image.packed !== undefined) {
    const { sha256: digest, chunks } = image.packed;
    report['packed'] = { ...(digest === undefined ? {} : { sha256: digest }), chunks: chunks.length };
  }
  report['content'] = await contentNode(image.content, options);
  return report;
}
