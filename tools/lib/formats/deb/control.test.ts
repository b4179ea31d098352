import { describe, expect, test } from 'vitest';
import { formatControl, parseControl } from './control.ts';

const TWO = `Package: jq
Version: 1.7.1-6
Description: command-line JSON processor
 jq is like sed for JSON data.
 .
 With a second part.

# a comment
package: zstd
Conffiles:
 /etc/a 0123
`;

describe('parseControl', () => {
  test('finds fields, whatever the case of their names', () => {
    const [jq, zstd] = parseControl(TWO, 'control');
    expect(jq?.get('package')).toBe('jq');
    expect(jq?.get('VERSION')).toBe('1.7.1-6');
    expect(zstd?.get('Package')).toBe('zstd');
  });

  test('keeps the lines of a value unchanged', () => {
    const [jq, zstd] = parseControl(TWO, 'control');
    expect(jq?.get('Description')?.split('\n')).toEqual([
      'command-line JSON processor',
      ' jq is like sed for JSON data.',
      ' .',
      ' With a second part.',
    ]);
    expect(zstd?.get('Conffiles')).toBe('\n /etc/a 0123');
  });

  test('paragraphs can be separated by several blank lines', () => {
    expect(parseControl('\n\nA: 1\n \t\n\nB: 2', 'control')).toHaveLength(2);
  });

  test.each([
    [' a line that goes on', 'control:1: a continuation line without a field before it'],
    ['A: 1\nno colon', 'control:2: expected "Field: value"'],
    ['A: 1\n-B: 2', 'control:2: expected "Field: value"'],
    [': 1', 'control:1: expected "Field: value"'],
    ['A: 1\na: 2', 'control:2: the field "a" occurs twice'],
  ])('refuses %j', (text, message) => {
    expect(() => parseControl(text, 'control')).toThrow(message);
  });

  test('a missing required field is named', () => {
    const [paragraph] = parseControl('A: 1', 'control');
    expect(() => paragraph?.require('Version', 'x.deb')).toThrow(
      'x.deb: the control data have no field "Version"',
    );
  });
});

test('formatControl writes the text that parseControl read', () => {
  const text = TWO.replace('# a comment\n', '');
  expect(formatControl(parseControl(text, 'control'))).toBe(text);
});
