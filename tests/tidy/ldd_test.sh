#!/bin/bash
# Goal:   what runs on a device or a producer's desk never drags in the node's database.
# Method: ask ldd for every program and nm for every archive under the build's client/; the
#         same question to a node's program must be answered with RocksDB, or it is no proof.
#
#   ldd_test.sh BUILD-ROOT NODE-PROGRAM
set -euo pipefail

needs() { ldd "$1" 2>/dev/null | grep "lib$2\.so" >/dev/null; }

if ! needs "$2" rocksdb; then
    printf '%s should link RocksDB, and ldd does not say so\n' "$2" >&2
    exit 1
fi

checked=0
bad=0
while IFS= read -r -d '' program; do
    checked=$((checked + 1))
    if needs "$program" rocksdb; then
        printf '%s links RocksDB\n' "$program" >&2
        bad=1
    fi
    case "$program" in */tamga-device)
        if needs "$program" curl; then
            printf '%s links libcurl\n' "$program" >&2
            bad=1
        fi ;;
    esac
done < <(find "$1/client" -type f -executable -not -path '*/CMakeFiles/*' -print0)
while IFS= read -r -d '' archive; do
    checked=$((checked + 1))
    if nm -u "$archive" 2>/dev/null | grep -w 'rocksdb_[a-z_]*' >/dev/null; then
        printf '%s calls RocksDB\n' "$archive" >&2
        bad=1
    fi
done < <(find "$1/client" -type f -name '*.a' -print0)
printf '%d programs and archives\n' "$checked"
[ "$checked" -gt 1 ] || { printf 'nothing to check under %s/client\n' "$1" >&2; exit 1; }
exit $bad
