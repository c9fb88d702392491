#!/bin/bash
# Builds the release preset and measures: each figure beside a limit measured in the same run.
#
#   tests/bench/run.sh [--json FILE] [--full] [NAME...]
#
# Names: verify miner block content rpc ingest cluster catchup finality link store; none: all, in
# some five minutes. store stops at a million entries; the name store10m goes on to 10 million,
# with 2 GB of memory, 10 GB under $TMPDIR (or /tmp) and some ten minutes more: --full is all
# names with that instead. cluster measures beside etcd where that is installed
# (deploy/setup.sh --etcd). docs/PERFORMANCE.md tells what each figure is and what bounds it.
set -euo pipefail

usage() {
    printf 'usage: tests/bench/run.sh [--json FILE] [--full] [NAME...]\n' >&2
    exit 2
}

options=()
while [ $# -gt 0 ]; do
    case "$1" in
    --json)
        [ $# -ge 2 ] || usage
        options+=(--json "$(realpath -m "$2")")
        shift 2
        ;;
    --full) options+=(--full); shift ;;
    -*) usage ;;
    *) break ;;
    esac
done

cd "$(dirname "$(readlink -f "$0")")/../.."
mkdir -p build
exec 9>build/release.lock # tests/run.sh may be building in the same folder
flock 9
cmake --preset release >&2
cmake --build --preset release --target tamga-bench -j "$(nproc)" >&2
exec 9>&-
exec build/release/tests/bench/tamga-bench "${options[@]}" "$@"
