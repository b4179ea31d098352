/**
 * Runs cases by hand: `node test/fuzz/main.ts [--target=NAME] [--cases=N] [--first=N] [--seed=N]`.
 */
import { parseArgs } from 'node:util';
import { fuzz } from './run.ts';
import { TARGETS } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    cases: { type: 'string', default: '1000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
  },
});
for (const target of values.target ?? TARGETS.map(({ name }) => name)) {
  const began = performance.now();
  const plan = {
    target,
    seed: Number(values.seed),
    first: Number(values.first),
    count: Number(values.cases),
  };
  const cases = await fuzz(plan);
  process.stdout.write(`${target}: ${cases} cases, ${Math.round(performance.now() - began)} ms\n`);
}
