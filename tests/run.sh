#!/bin/bash
# Installs what is missing, builds, runs every test. Ends with CTest's summary and exit code.
#
#   tests/run.sh [--preset dev|asan|release|tsan] [arguments for ctest]
#
# For example: tests/run.sh -R chain     tests/run.sh --preset asan -L fuzz
set -euo pipefail

usage() {
    printf 'usage: tests/run.sh [--preset dev|asan|release|tsan] [ctest arguments]\n' >&2
    exit 2
}

preset=dev
case "${1-}" in
--preset) preset=${2-}; shift 2 || usage ;;
--preset=*) preset=${1#--preset=}; shift ;;
-h | --help) usage ;;
esac
case "$preset" in
dev | asan | release | tsan) ;;
*) usage ;;
esac

cd "$(dirname "$(readlink -f "$0")")/.."
deploy/setup.sh
mkdir -p build
exec 9>"build/$preset.lock" # deploy/demo.sh may be building in the same folder
flock 9
cmake --preset "$preset"
cmake --build --preset "$preset" -j "$(nproc)"
exec 9>&-
export TSAN_OPTIONS=${TSAN_OPTIONS-suppressions=$PWD/tests/tsan.supp}
exec ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j 2 "$@"
