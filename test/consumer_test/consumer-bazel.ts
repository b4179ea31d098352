import { join } from 'node:path';
import { INSIDE_AIRGAP_ROOT, SecondBazel, WORKSPACE } from '../second_bazel/second-bazel.ts';

/** The source tree's folder of the module that uses the rules. */
export const CONSUMER: string = join(WORKSPACE, 'test/consumer');

/** What --config=airgap has for a workspace that has no .bazelrc; the rest of it is about this workspace alone. */
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

/** Builds everything and gives the folder of the outputs. */
export function buildConsumer(): string {
  bazel.run('build', '//...');
  return bazel.run('info', 'bazel-bin');
}

export function removeOutputs(): void {
  bazel.remove();
}
