#!/bin/bash
# Many seeds of the simulator, on all cores. Each core ends at its first seed that breaks an
# invariant, and prints it.
#
#   tests/sim/run.sh [--seeds N] [--minutes M] [--from SEED]
#
# Bounded by both: at most N seeds (1000) and M minutes (10). Without --from, the day's
# number decides where to start, so that each day sees other seeds.
set -euo pipefail

usage() {
    printf 'usage: tests/sim/run.sh [--seeds N] [--minutes M] [--from SEED]\n' >&2
    exit 2
}

seeds=1000
minutes=10
from=$(($(date +%s) / 86400 * 100000))
while [ $# -gt 0 ]; do
    [[ ${2-} =~ ^[0-9]+$ ]] || usage
    case "$1" in
    --seeds) seeds=$2 ;;
    --minutes) minutes=$2 ;;
    --from) from=$2 ;;
    *) usage ;;
    esac
    shift 2
done
[ "$minutes" -gt 0 ] || usage

cd "$(dirname "$(readlink -f "$0")")/../.."
mkdir -p build
exec 9>build/dev.lock # tests/run.sh may be building in the same folder
flock 9
[ -f build/dev/build.ninja ] || cmake --preset dev >/dev/null
cmake --build --preset dev --target sim -j 2 >/dev/null
exec 9>&-

cores=$(nproc)
each=$(((seeds + cores - 1) / cores))
pids=()
for ((i = 0; i < cores && i * each < seeds; i++)); do
    count=$((seeds - i * each < each ? seeds - i * each : each))
    build/dev/tests/sim/sim --from $((from + i * each)) --seeds "$count" --minutes "$minutes" &
    pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do
    wait "$pid" || failed=1
done
exit "$failed"
