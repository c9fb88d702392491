#!/bin/bash
# Builds the release preset and measures: each figure beside a limit measured in the same run.
#
#   tests/bench/run.sh [--json FILE] [NAME...]
#
# Names: verify miner block content rpc ingest catchup store; none: all, in under 3 minutes.
# docs/PERFORMANCE.md tells what each figure is and what bounds it.
set -euo pipefail

usage() {
    printf 'usage: tests/bench/run.sh [--json FILE] [NAME...]\n' >&2
    exit 2
}

json=()
case "${1-}" in
--json)
    [ $# -ge 2 ] || usage
    json=(--json "$(realpath -m "$2")")
    shift 2
    ;;
-*) usage ;;
esac

cd "$(dirname "$(readlink -f "$0")")/../.."
mkdir -p build
exec 9>build/release.lock # tests/run.sh may be building in the same folder
flock 9
cmake --preset release >&2
cmake --build --preset release --target tamga-bench -j "$(nproc)" >&2
exec 9>&-
exec build/release/tests/bench/tamga-bench "${json[@]}" "$@"
