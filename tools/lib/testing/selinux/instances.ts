/**
 * Makes texts that an expression of a policy matches, or nearly matches. The tests compare their
 * labels with libselinux.
 */

/**
 * Makes choices with the linear congruential generator of Numerical Recipes, so that every run has
 * the same texts.
 */
class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(count: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }
}

const ANYTHING = 'ab0.-_/';

class Generator {
  readonly #pattern: string;
  readonly #choices: Choices;
  #position = 0;

  constructor(pattern: string, choices: Choices) {
    this.#pattern = pattern;
    this.#choices = choices;
  }

  #peek(): string {
    return this.#pattern[this.#position] ?? '';
  }

  #next(): string {
    return this.#pattern[this.#position++] ?? '';
  }

  #pick<T>(list: readonly T[] | string): T | string {
    return list[this.#choices.below(list.length)] ?? '';
  }

  /** Parses the branches up to a ")" or the end. The result picks one of them. */
  branches(): () => string {
    const all = [this.#sequence()];
    while (this.#peek() === '|') {
      this.#position += 1;
      all.push(this.#sequence());
    }
    return () => {
      const branch = this.#pick(all);
      return typeof branch === 'string' ? branch : branch();
    };
  }

  #sequence(): () => string {
    const parts: (() => string)[] = [];
    while (!['', '|', ')'].includes(this.#peek())) parts.push(this.#repeated(this.#atom()));
    return () => parts.map((part) => part()).join('');
  }

  #atom(): () => string {
    const character = this.#next();
    if (character === '\\') {
      const escaped = this.#next();
      return () => (escaped === 'd' ? `${this.#pick('0159')}` : escaped);
    }
    if (character === '.') return () => `${this.#pick(ANYTHING)}`;
    if (character === '(') {
      if (this.#pattern.startsWith('?:', this.#position)) this.#position += 2;
      const inner = this.branches();
      this.#position += 1;
      return inner;
    }
    if (character !== '[') return () => character;
    const end = this.#pattern.indexOf(']', this.#position + 1);
    const members = this.#pattern.slice(this.#position, end);
    this.#position = end + 1;
    const expression = new RegExp(`[${members}]`);
    const matching = [...`${ANYTHING}AzZ59`].filter((candidate) => expression.test(candidate));
    return () => `${this.#pick(matching)}`;
  }

  #repeated(atom: () => string): () => string {
    const quantifier = this.#peek();
    const counted = /^\{(\d+)(?:,\d*)?\}/.exec(this.#pattern.slice(this.#position));
    if (counted !== null) {
      this.#position += counted[0].length;
      return () => Array.from({ length: Number(counted[1]) }, atom).join('');
    }
    if (quantifier === '' || !'?*+'.includes(quantifier)) return atom;
    this.#position += 1;
    const least = quantifier === '+' ? 1 : 0;
    const most = quantifier === '?' ? 1 : 4;
    return () => Array.from({ length: least + this.#choices.below(most - least + 1) }, atom).join('');
  }
}

/** Makes texts for an expression. The same expression and seed give the same texts. */
export function instances(pattern: string, count: number, seed: number): string[] {
  const generate = new Generator(pattern, new Choices(seed)).branches();
  return Array.from({ length: count }, generate);
}
