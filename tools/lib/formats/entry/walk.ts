/** A directory that a walk is in. */
interface Visit<Step> {
  readonly path: string;
  readonly steps: readonly Step[];
  next: number;
}

/**
 * The position of a walk through a tree of directories. A directory is a list of steps: its names,
 * and the descents to its subdirectories. Other names can be between a name and its descent: in
 * path order, `a.b` is between `a` and the content of `a`.
 *
 *     const walk = new TreeWalk<Step>();
 *     walk.enter('', stepsOfRoot);
 *     for (const { path, step } of walk.steps()) {
 *       if (step.isDescent) walk.enter(path, stepsOf(step));
 *       else yield recordOf(path, step);
 *     }
 */
export class TreeWalk<Step extends { readonly name: string }> {
  readonly #visits: Visit<Step>[] = [];

  /** The number of directories that the walk is in. */
  get depth(): number {
    return this.#visits.length;
  }

  /** Enters a directory: its steps come next. */
  enter(path: string, steps: readonly Step[]): void {
    this.#visits.push({ path, steps, next: 0 });
  }

  /** Yields all steps, each with the path that its name has. */
  *steps(): Generator<{ readonly path: string; readonly step: Step }> {
    for (let visit = this.#visits.at(-1); visit !== undefined; visit = this.#visits.at(-1)) {
      const step = visit.steps[visit.next++];
      if (step === undefined) this.#visits.pop();
      else yield { path: visit.path === '' ? step.name : `${visit.path}/${step.name}`, step };
    }
  }
}
