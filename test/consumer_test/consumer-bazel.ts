import { join } from 'node:path';
import { INSIDE_AIRGAP_ROOT, SecondBazel, WORKSPACE } from '../second_bazel/second-bazel.ts';

/** The directory of the module that uses the rules, in the source tree. */
export const CONSUMER: string = join(WORKSPACE, 'test/consumer');

/** The options of --config=airgap that are not specific to this workspace. */
const AIRGAP_OPTIONS = [
  `--registry=file://${WORKSPACE}/tools/airgap/registry`,
  '--lockfile_mode=off',
  '--noenable_workspace',
];

const bazel = new SecondBazel({
  workspace: CONSUMER,
  hasAirgapConfig: false,
  options: [
    ...(INSIDE_AIRGAP_ROOT ? AIRGAP_OPTIONS : []),
    '--repo_env=BAZEL_DO_NOT_DETECT_CPP_TOOLCHAIN=1',
    '--spawn_strategy=linux-sandbox,local',
    '--experimental_convenience_symlinks=ignore',
  ],
  environment: {},
});

/** Builds everything and returns the directory of the outputs. */
export function buildConsumer(): string {
  bazel.run('build', '//...');
  return bazel.run('info', 'bazel-bin');
}

export function removeOutputs(): void {
  bazel.remove();
}
