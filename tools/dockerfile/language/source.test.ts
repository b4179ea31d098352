// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of Dockerfiles
import { describe, expect, test } from 'vitest';
import { parseSource } from './source.ts';

function instructions(text: string): string[] {
  return parseSource(text, 'Dockerfile').instructions.map(
    ({ line, keyword, text: rest }) => `${line} ${keyword} ${rest}`,
  );
}

describe('parseSource', () => {
  test.each<[string, string, string[]]>([
    // The examples of the reference, section "Format".
    ['a comment', '# Comment\nRUN echo hello', ['2 RUN echo hello']],
    ['a comment within an instruction', 'RUN echo hello \\\n# comment\nworld', ['1 RUN echo hello world']],
    [
      'white space before comment and instruction',
      '        # this is a comment-line\n    RUN echo hello\nRUN echo world',
      ['2 RUN echo hello', '3 RUN echo world'],
    ],
    [
      'white space before continued lines',
      'RUN echo "\\\n     hello\\\n     world"',
      ['1 RUN echo "     hello     world"'],
    ],
    ['a # within an argument', 'RUN echo # not a comment', ['1 RUN echo # not a comment']],
    // Section "escape".
    [
      'an escape character at the end, which Docker also accepts',
      'FROM microsoft/nanoserver\nCOPY testfile.txt c:\\\\\nRUN dir c:\\',
      ['1 FROM microsoft/nanoserver', '2 COPY testfile.txt c:\\\\', '3 RUN dir c:'],
    ],
    [
      'the backtick as escape',
      '# escape=`\n\nFROM x\nCOPY testfile.txt c:\\\nRUN dir c:\\',
      ['3 FROM x', '4 COPY testfile.txt c:\\', '5 RUN dir c:\\'],
    ],
    ['a continued line with the backtick', '# escape=`\nRUN a `\n b', ['2 RUN a  b']],
    // Other cases.
    ['lower case', 'from x\nrun y', ['1 FROM x', '2 RUN y']],
    ['CRLF', 'FROM x\r\nRUN a \\\r\n  b\r\n', ['1 FROM x', '2 RUN a   b']],
    ['a byte order mark', '\ufeffFROM x', ['1 FROM x']],
    ['blanks after the continuation', 'RUN a \\  \nb', ['1 RUN a b']],
    [
      'empty lines within a continuation',
      'RUN a \\\n\n\n b \\\n\n# c\n c\nRUN d',
      ['1 RUN a  b  c', '8 RUN d'],
    ],
    ['a continuation at the end of the file', 'RUN a \\', ['1 RUN a']],
    ['tabs between words', 'RUN\ta', ['1 RUN a']],
    ['nothing', '\n# only\n', []],
  ])('reads %s', (_name, text, expected) => {
    expect(instructions(text)).toEqual(expected);
  });

  test.each([
    // The reference's examples, section "Parser directives".
    ['# direc \\\n# tive=value\n', '\\'],
    ['# escape=`\nFROM x', '`'],
    ['#escape=`\nFROM x', '`'],
    ['# EsCaPe = `\nFROM x', '`'],
    ['FROM x\n# escape=`\n', '\\'],
    ['# About my dockerfile\n# escape=`\nFROM x', '\\'],
    ['# unknowndirective=value\n# escape=`\nFROM x', '\\'],
    ['\n# escape=`\nFROM x', '\\'],
    ['# syntax=docker/dockerfile:1\n# check=skip=JSONArgsRecommended\n# escape=`\nFROM x', '`'],
  ])('of %j the escape character is %s', (text, expected) => {
    expect(parseSource(text, 'Dockerfile').escapeCharacter).toBe(expected);
  });

  test.each<[string, { name: string; expand: boolean; content: string }[]]>([
    ['RUN <<EOF\nfoo\nbar\nEOF\nRUN x', [{ name: 'EOF', expand: true, content: 'foo\nbar\n' }]],
    [
      'COPY <<-EOT /script.sh\n\techo hello ${FOO}\n\tEOT',
      [{ name: 'EOT', expand: true, content: 'echo hello ${FOO}\n' }],
    ],
    [
      'COPY <<-"EOT" /script.sh\n  echo hello ${FOO}\nEOT',
      [{ name: 'EOT', expand: false, content: '  echo hello ${FOO}\n' }],
    ],
    ["RUN cat <<'A B' > /x\n1\nA B\n", [{ name: 'A B', expand: false, content: '1\n' }]],
    ['RUN 3<<EOF cat <&3\nx\nEOF', [{ name: 'EOF', expand: true, content: 'x\n' }]],
    [
      'COPY <<a.txt <<b.txt /d/\nA\na.txt\nB # b\n\nb.txt',
      [
        { name: 'a.txt', expand: true, content: 'A\n' },
        { name: 'b.txt', expand: true, content: 'B # b\n\n' },
      ],
    ],
    ['RUN <<EOF\nEOF', [{ name: 'EOF', expand: true, content: '' }]],
    [
      'RUN cat \\\n  <<EOF\n# no comment \\\nEOF',
      [{ name: 'EOF', expand: true, content: '# no comment \\\n' }],
    ],
    // Not here-documents:
    ['RUN cat <<<here', []],
    ['RUN echo $((1<<3)) "<<EOF"', []],
    ['RUN echo $(( 1 << 3 ))', []],
    ['RUN ["cat", "<<EOF"]', []],
    ['ENV A=<<EOF', []],
  ])('of %j the here-documents are %j', (text, expected) => {
    const heredocs = parseSource(text, 'Dockerfile').instructions[0]?.heredocs ?? [];
    expect(heredocs.map(({ name, expand, content }) => ({ name, expand, content }))).toEqual(expected);
  });

  test('an instruction after a here-document has its own line number', () => {
    expect(instructions('RUN <<EOF\na\nEOF\n\nUSER x')).toEqual(['1 RUN <<EOF', '5 USER x']);
  });

  test.each([
    [
      'FROM x\nRUN <<EOF\na\n',
      'Dockerfile:2: the here-document <<EOF has no end; write EOF on a line of its own',
    ],
    ['# escape=`\n# escape=\\\n', 'Dockerfile:2: only one escape parser directive can be used'],
    ['# escape=x\n', 'Dockerfile:1: the escape character is \\ or `, not x'],
    ['# syntax=example/other:1\n', 'Dockerfile:1: syntax=example/other:1 is not supported'],
  ])('%j is an error', (text, message) => {
    expect(() => parseSource(text, 'Dockerfile')).toThrow(message);
  });
});
