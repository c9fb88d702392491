#!/bin/bash
# Goal:   no code of core/base/err.h is dead, and each is provoked by some test.
# Method: read the names from the table, look for their use outside base/err.* and in
#         tests/. A code of the wire that nothing here gives yet stands in err_reserved.txt,
#         with its reason; one that is used must not stand there.
#
#   err_table_test.sh SOURCE-ROOT
#
# Codes that no test provokes are listed (CTest shows them with -V), and fail nothing.
set -euo pipefail
cd "$1"

names=$(sed -nE 's/^ *X\(([A-Z0-9_]+), 0x.*/\1/p' core/base/err.h)
[ "$(wc -w <<<"$names")" -gt 50 ] || { printf 'the table was not understood\n' >&2; exit 1; }
reserved=$(sed -nE 's/^([A-Z0-9_]+) +[^ ].*/\1/p' tests/tidy/err_reserved.txt)
used=$(find core server client -name '*.[ch]' -not -path 'core/base/err.*' -print0 |
    xargs -0 grep -ohE '\bTAMGA_E_[A-Z0-9_]+' | sed 's/^TAMGA_E_//' | sort -u)
provoked=$({
    find tests -name '*.[ch]' -print0 | xargs -0 grep -ohE '\bTAMGA_E_[A-Z0-9_]+' |
        sed 's/^TAMGA_E_//'
    find tests/integration -name '*.sh' -print0 | xargs -0r grep -ohE '\b[A-Z0-9_]{4,}\b'
} | sort -u)

has() { grep -qxF "$2" <<<"$1"; }

bad=0
lacking=()
for name in $names; do
    if has "$used" "$name"; then
        if has "$reserved" "$name"; then
            printf '%s is used: take it out of err_reserved.txt\n' "$name" >&2
            bad=1
        fi
        has "$provoked" "$name" || lacking+=("$name")
    elif ! has "$reserved" "$name"; then
        printf '%s is used nowhere\n' "$name" >&2
        bad=1
    fi
done
for name in $reserved; do
    has "$names" "$name" || { printf '%s is reserved but no code\n' "$name" >&2; bad=1; }
done
printf '%d codes; provoked by no test: %d\n' "$(wc -w <<<"$names")" ${#lacking[@]}
[ ${#lacking[@]} -eq 0 ] || printf '  %s\n' "${lacking[@]}"
exit $bad
