/** Splits text into words as a shell does, but keeps quotes and escapes. */

const WHITE_SPACE = /[ \t\v\f\r\n]/;

/** Splits at white space outside of quotes. */
export function rawWords(text: string, escapeCharacter: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (quote === '' && WHITE_SPACE.test(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += character;
    if (character === escapeCharacter && quote !== "'") {
      word += text.charAt(++index);
    } else if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
    } else if (character === quote) {
      quote = '';
    }
  }
  if (word !== '') words.push(word);
  return words;
}

const HEREDOC = /^\d*<<(-?)([^<]+)$/;
const QUOTES = /["']/g;

/** Parses `<<NAME`, `<<-NAME` and `<<"NAME"`. Returns `undefined` for every other word. */
export function parseHeredocWord(
  word: string,
): { name: string; chomp: boolean; expand: boolean } | undefined {
  const match = HEREDOC.exec(word);
  // A word that only begins like a here-document is not one.
  if (match === null || rawWords(word, '\\').length !== 1) return undefined;
  const [, dash = '', delimiter = ''] = match;
  const name = delimiter.replaceAll(QUOTES, '');
  return name === '' ? undefined : { name, chomp: dash === '-', expand: name === delimiter };
}
