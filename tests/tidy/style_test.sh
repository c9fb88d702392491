#!/bin/bash
# Goal:   the house's style where a machine can see it: nothing left undone, no tabs, lines
#         of at most 100 columns, headers that say what they are for, no test that sleeps,
#         no generated code beside the sources, a core that prints nothing.
# Method: read every source file; each finding is a line. Functions past 60 lines are only
#         reported: CTest shows them with -V.
#
#   style_test.sh SOURCE-ROOT
set -euo pipefail
cd "$1"

mapfile -d '' sources < <(find core server client tests proto deploy cmake .ci \
    \( -name '*.[ch]' -o -name '*.proto' -o -name '*.sh' -o -name CMakeLists.txt \
       -o -name '*.cmake' -o -path .ci/run \) -type f -print0 | sort -z)
mapfile -d '' c_sources < <(find core server client tests -name '*.[ch]' -print0 | sort -z)
[ ${#sources[@]} -gt 50 ] && [ ${#c_sources[@]} -gt 50 ] ||
    { printf 'too few sources found: this is not the tree\n' >&2; exit 1; }

findings=0
# finding TEXT: reads lines, and counts each as a finding against TEXT.
finding() {
    local line
    while IFS= read -r line; do
        printf '%s: %s\n' "$1" "$line" >&2
        findings=$((findings + 1))
    done
}

# Spelled apart, because this file is read too.
undone='\b(TO''DO|FIX''ME|XX''X)\b'
finding 'left undone' < <(grep -nE "$undone" "${sources[@]}")
finding 'tab' < <(grep -nP '\t' "${sources[@]}")
finding 'blank at the end of a line' < <(grep -nE ' +$' "${sources[@]}")
# A .proto file has a comment beside each field, which may be longer.
finding 'longer than 100 columns' < <(
    printf '%s\0' "${sources[@]}" | grep -zv '\.proto$' | xargs -0 grep -nE '^.{101,}$')
# A condition that only asking can show is asked for with nanosleep between, to a deadline.
finding 'a test that sleeps' < <(
    find tests -name '*.[ch]' -print0 | xargs -0 grep -nE '\bu?sleep\(')
finding 'generated code beside the sources' < <(
    find core server client tests proto -name '*.pb-c.[ch]')
finding 'core prints' < <(
    grep -nE '\b(printf|puts|perror|fprintf)\(' core/*/*.[ch] | grep -v '^core/base/log\.c:')
finding 'file does not open with what it is for' < <(
    for file in core/*/*.[ch] server/*/*.[ch] client/*/*.[ch]; do
        [ "$(head -c 2 "$file")" = '/*' ] || printf '%s\n' "$file"
    done)

awk '
    FNR == 1 { opened = 0 }
    /^\{/ { opened = FNR }
    /^\}/ && opened {
        if (FNR - opened > 60)
            printf "function of %d lines: %s:%d\n", FNR - opened - 1, FILENAME, opened
        opened = 0
    }' "${c_sources[@]}"

[ "$findings" -eq 0 ]
