/** A small tool, for the test that a bundle can start workers. */

import { runTool } from '../../runtime/cli/cli.ts';
import { TaskPool } from '../../runtime/parallel/parallel.ts';
import { fail, square } from './tasks.ts';

await runTool(async ({ args }) => {
  const pool = new TaskPool(square, 2);
  const squares = await Promise.all(args.map((arg) => pool.run(Number(arg))));
  process.stdout.write(`${squares.join(' ')}\n`);
  // Neither of the two pools is closed, and the process still ends.
  await new TaskPool(fail).run('user');
});
