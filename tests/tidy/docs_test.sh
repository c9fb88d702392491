#!/bin/bash
# Goal:   the documents do not drift from the tree: the table of codes in docs/PROTOCOL.md is
#         that of core/base/err.h, every relative link leads somewhere, every path and function
#         that ARCHITECTURE, TOUR and PROTOCOL name is there, and so is every test of THREATS.
# Method: read the documents as text; then break a copy in each way once and expect each to
#         be seen.
#
#   docs_test.sh SOURCE-ROOT
set -euo pipefail

# Rows "| NAME | 0x0101 | class | 3 | sentence |" as the table of err.h asks for them.
wanted_codes() {
    sed -nE 's/^ *X\(([A-Z0-9_]+), 0x0(.)([0-9a-f]{2}), ([0-9]+), "([^"]*)"\).*/\1 \2 \3 \4 \5/p' \
        core/base/err.h |
        while read -r name class number status sentence; do
            case $class in 1) word=reject ;; 2) word=later ;; *) word=local ;; esac
            printf '| %s | 0x0%s%s | %s | %s | %s |\n' "$name" "$class" "$number" "$word" \
                "$status" "$sentence"
        done
}

missing_codes() {
    local row
    while IFS= read -r row; do
        grep -qF -- "$row" docs/PROTOCOL.md || printf 'docs/PROTOCOL.md lacks: %s\n' "$row"
    done < <(wanted_codes)
}

# Targets of [text](target) outside code; headings become anchors as GitHub makes them.
anchors() {
    sed -nE 's/^#+ +(.*)/\1/p' "$1" | tr '[:upper:]' '[:lower:]' |
        sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

broken_links() {
    local file link target anchor
    for file in "$@"; do
        while IFS= read -r link; do
            case $link in *://* | mailto:*) continue ;; esac
            target=${link%%#*} anchor=${link#"${link%%#*}"}
            [ -z "$target" ] || target=$(dirname "$file")/$target
            target=${target:-$file}
            if [ ! -e "$target" ]; then
                printf '%s: link leads nowhere: %s\n' "$file" "$link"
            elif [ -n "$anchor" ] && ! anchors "$target" | grep -qxF -- "${anchor#\#}"; then
                printf '%s: no such heading: %s\n' "$file" "$link"
            fi
        done < <(grep -oE '\]\([^) ]+\)' "$file" | sed -E 's/^\]\((.*)\)$/\1/')
    done
}

# `core/x/y.c`, `docs/` and `name()` in backticks.
stale_names() {
    local file name folders='(core|server|client|proto|tests|docs|deploy|cmake)'
    for file in docs/ARCHITECTURE.md docs/TOUR.md docs/PROTOCOL.md; do
        while IFS= read -r name; do
            case $name in
            *'()')
                grep -rqE "\b${name%??}\(" --include='*.[ch]' core server client tests ||
                    printf '%s: no such function: %s\n' "$file" "$name" ;;
            *)
                [ -e "$name" ] || printf '%s: no such path: %s\n' "$file" "$name" ;;
            esac
        done < <(grep -oE '`[^` ]+`' "$file" | tr -d '`' |
            grep -E "^($folders/[A-Za-z0-9_./-]*|[a-z0-9_]+\(\))\$" | sort -u)
    done
}

# Rows "FILE NAME" of THREATS: a test's path, and each name in backticks after it on its line.
named_tests() {
    awk -F'`' '/`tests\// {
        file = ""
        for (i = 2; i <= NF; i += 2)
            if ($i ~ /^tests\//)
                print file = $i, ""
            else if (file != "" && $i ~ /^[a-z0-9_]+$/)
                print file, $i
    }' docs/THREATS.md | sort -u
}

# A name is that of a test or of a function of the file.
stale_tests() {
    local file name
    while read -r file name; do
        if [ ! -f "$file" ]; then
            printf 'docs/THREATS.md: no such test: %s\n' "$file"
        elif [ -n "$name" ] && ! grep -qE ", *${name}[),]|\b${name}\(" "$file"; then
            printf 'docs/THREATS.md: %s has no %s\n' "$file" "$name"
        fi
    done < <(named_tests)
}

findings() {
    local documents
    cd "$1"
    mapfile -d '' documents < <(find ./*.md docs -name '*.md' -print0 | sort -z)
    missing_codes
    broken_links "${documents[@]}"
    stale_names
    stale_tests
}

# breaks FILE LINE: the line, added to the file of the copy, must be seen.
breaks() {
    cp "$copy/$1" "$copy/kept"
    printf '\n%s\n' "$2" >>"$copy/$1"
    if [ -z "$(findings "$copy")" ]; then
        printf 'not seen in %s: %s\n' "$1" "$2" >&2
        exit 1
    fi
    mv "$copy/kept" "$copy/$1"
}

found=$(findings "$1")
if [ -n "$found" ]; then
    printf '%s\n' "$found" >&2
    exit 1
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
(cd "$1" && find ./*.md LICENSE docs core server client proto deploy tests cmake \
    -type f -not -path 'tests/fuzz/corpus/*' -print0 | xargs -0 cp --parents -t "$copy")
breaks core/base/err.h '    X(ALL_WRONG, 0x01ff, 3, "nobody knows this code")'
breaks README.md '[nowhere](docs/NOWHERE.md)'
breaks docs/TOUR.md '[no heading](PROTOCOL.md#no-such-heading)'
breaks docs/TOUR.md 'see `core/chain/nowhere.c`'
breaks docs/ARCHITECTURE.md 'see `tamga_nobody_calls_this()`'
breaks docs/THREATS.md '| x | `tests/unit/core/nowhere_test.c` `nothing` |'
breaks docs/THREATS.md '| x | `tests/unit/core/chain/holes_test.c` `no_such_test` |'
[ -z "$(findings "$copy")" ]
