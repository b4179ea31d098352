/** A tool as it is bundled, for the test that a bundle has workers. */

import { runTool } from '../../runtime/cli/cli.ts';
import { TaskPool } from '../../runtime/parallel/parallel.ts';
import { fail, square } from './tasks.ts';

await runTool(async ({ args }) => {
  const pool = new TaskPool(square, 2);
  const squares = await Promise.all(args.map((arg) => pool.run(Number(arg))));
  process.stdout.write(`${squares.join(' ')}\n`);
  // Neither this pool nor the one before is closed: the process ends all the same.
  await new TaskPool(fail).run('user');
});
