import { runTool } from '../lib/runtime/cli/cli.ts';
import { runCommand } from './arguments.ts';
import { OUTPUT_CLOSED_STATUS, Output, OutputClosed } from './output.ts';

let status = 0;
await runTool(async ({ args }) => {
  // `bazel run` starts the tool in its own directory, but paths are relative to the caller's
  // directory.
  const callerFolder = process.env['BUILD_WORKING_DIRECTORY'];
  if (callerFolder !== undefined) process.chdir(callerFolder);
  const output = new Output();
  try {
    status = await runCommand(args, output);
    output.flush();
  } catch (error) {
    if (!(error instanceof OutputClosed)) {
      output.flush();
      throw error;
    }
    status = OUTPUT_CLOSED_STATUS;
  }
});
if (status !== 0) process.exitCode = status;
