/**
 * Checks that lines of prose (Markdown and comments) have at most 100 characters.
 *
 * Tables, blocks of code, and lines whose only long part is one word (an address, a path) are
 * exempt.
 */
import { readFileSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { WORKSPACE, workspaceFiles } from './workspace-files.ts';

const LONGEST_LINE = 100;

/** The pattern for a line of a comment, by the extension of the file. */
const COMMENT: Readonly<Record<string, RegExp>> = {
  '.ts': /^\s*(?:\/\*\*?|\*|\/\/)\s/,
  '.bzl': /^\s*#\s/,
  '.bazel': /^\s*#\s/,
  '.sh': /^\s*#\s/,
};
const FENCE = /^\s*```/;
const TABLE = /^\s*\|/;

function isTooLong(line: string): boolean {
  if ([...line].length <= LONGEST_LINE) return false;
  const [first = ''] = line.match(/^\s*(?:\S+\s+)?/) ?? [];
  return line.slice(first.length).trim().includes(' ');
}

/** Returns the numbers of the lines that are too long, counted from 1. */
function longLines(path: string, text: string): number[] {
  const comment = COMMENT[extname(path)];
  let inCode = false;
  const found: number[] = [];
  text.split('\n').forEach((line, index) => {
    if (comment === undefined && FENCE.test(line)) inCode = !inCode;
    const isProse = comment === undefined ? !inCode && !TABLE.test(line) : comment.test(line);
    if (isProse && isTooLong(line)) found.push(index + 1);
  });
  return found;
}

const patterns = ['*.md', ...Object.keys(COMMENT).map((ending) => `*${ending}`)];
for (const path of workspaceFiles(patterns)) {
  for (const number of longLines(path, readFileSync(resolve(WORKSPACE, path), 'utf8'))) {
    console.error(`${path}:${number}: prose of more than ${LONGEST_LINE} characters in a line; wrap it`);
    process.exitCode = 1;
  }
}
