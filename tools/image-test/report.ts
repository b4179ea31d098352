/** At most this many problems of one check are shown; the others are only counted. */
const SHOWN_PROBLEMS = 20;

/**
 * Runs checks and prints one line for each, `ok - ...` or `not ok - ...`, followed by its problems.
 */
export class Report {
  #passed = 0;
  #failed = 0;

  /** Runs a check. `find` returns the problems; the check passes if there are none. */
  async check(promise: string, find: () => Iterable<string> | Promise<Iterable<string>>): Promise<void> {
    const problems = [...(await find())];
    if (problems.length === 0) {
      this.#passed += 1;
      console.log(`ok - ${promise}`);
      return;
    }
    this.#failed += 1;
    console.log(`not ok - ${promise}`);
    for (const problem of problems.slice(0, SHOWN_PROBLEMS)) console.log(`    ${problem}`);
    if (problems.length > SHOWN_PROBLEMS) console.log(`    ... and ${problems.length - SHOWN_PROBLEMS} more`);
  }

  get failed(): number {
    return this.#failed;
  }

  summary(): string {
    return `${this.#passed} passed, ${this.#failed} failed`;
  }
}
