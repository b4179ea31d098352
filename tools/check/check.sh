#!/usr/bin/env bash
# Checks a change before its commit: `npm run check`. It has the same requirements as tools/bazel,
# and does not need pnpm.
#
# Tests that start a kernel are left out here; `tools/bazel test //...` runs everything.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

timed() {
  local began=$SECONDS
  printf '== %s\n' "$*"
  "$@"
  printf '== %s: %d s\n' "$1" $((SECONDS - began))
}

tools/npm-packages
export PATH=$PWD/node_modules/.bin:$PATH
timed tsc --noEmit
timed biome check .
timed node tools/check/buildifier.ts
timed node tools/check/prose.ts
# bench/ is a separate Bazel module, so its tests are not targets of this one.
timed vitest run bench/
timed tools/bazel test --test_tag_filters=-kernel //tools/... //rules/...
