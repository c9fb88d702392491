#!/bin/bash
# Goal:   a folder includes only from floors below it, siblings never meet, client/ never
#         includes server/, and each outside library is included in one folder only.
# Method: read every #include of core/, server/ and client/ and hold it against the table
#         below; then break a copy of the tree in each way once and expect each to be seen.
#
#   floors_test.sh SOURCE-ROOT
set -euo pipefail

read -r -d '' floors <<'TABLE' || true
core/base          base
core/crypto        base crypto
core/merkle        base crypto merkle
core/config        base config
core/wire          base crypto wire tamga/v1
core/content       base crypto content
core/chain         base crypto merkle wire chain tamga/v1
core/rules         base crypto merkle wire content chain rules tamga/v1
core/net           base crypto wire net tamga/v1
server/store       CORE store
server/node        CORE store node
server/consortium  CORE store node consortium
server/gateway     CORE store node gateway
client/link        CORE link
client/producer    CORE link producer
client/device      CORE link device
client/auditor     CORE link auditor
client/cli         CORE link producer device auditor cli
client/agent       CORE link producer device auditor agent
TABLE

# A header outside the tree that begins so belongs to one folder only.
read -r -d '' libraries <<'TABLE' || true
openssl/     core/crypto
protobuf-c/  core/wire
nng/         core/net
curl/        core/content
cyaml/       core/config
yaml.h       core/config
rocksdb/     server/store
criterion/   tests
jansson.h    tests
TABLE

# What would bring a clock, chance, threads or a network into the pure folders.
# The store in memory is for tests, and has a lock.
impure="pthread.h threads.h time.h sys/time.h sys/random.h sys/socket.h netinet/in.h poll.h"
pure='core/merkle core/chain core/rules'

# violations ROOT: one line for each include that breaks a floor; nothing if all hold.
violations() {
    (cd "$1" && find core server client -name '*.[ch]' -not -path '*/example/*' -print0 |
        xargs -0 awk -v floors="$floors" -v libraries="$libraries" \
            -v impure="$impure" -v pure="$pure" '
    BEGIN {
        all = "base config crypto merkle wire content chain rules net tamga/v1"
        rows = split(floors, row, "\n")
        for (i = 1; i <= rows; i++) {
            sub("CORE", all, row[i])
            n = split(row[i], word, " +")
            known[word[1]] = 1
            for (k = 2; k <= n; k++)
                may[word[1], word[k]] = 1
        }
        rows = split(libraries, row, "\n")
        for (i = 1; i <= rows; i++) {
            split(row[i], word, " +")
            owner[word[1]] = word[2]
        }
        n = split(impure, word, " ")
        for (i = 1; i <= n; i++)
            is_impure[word[i]] = 1
        n = split(pure, word, " ")
        for (i = 1; i <= n; i++)
            is_pure[word[i]] = 1
    }
    FNR == 1 {
        split(FILENAME, part, "/")
        folder = part[1] "/" part[2]
        if (!(folder in known))
            print FILENAME ": no floor is known for this folder"
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, quoted, "\"")
        header = quoted[2]
        from = header
        if (!sub("/[^/]*$", "", from) || header ~ /\.\./)
            print FILENAME ":" FNR ": \"" header "\" is not FOLDER/FILE"
        else if (!((folder, from) in may))
            print FILENAME ":" FNR ": " folder " may not include \"" header "\""
        else if (header ~ /(internal|private)\.h$/ && from != part[2] &&
                 header != "link/client_internal.h") # a client, to the libraries above it
            print FILENAME ":" FNR ": \"" header "\" is for its own folder only"
    }
    /^[ \t]*#[ \t]*include[ \t]*</ {
        split($0, angled, "[<>]")
        for (begin in owner)
            if (index(angled[2], begin) == 1 && folder != owner[begin])
                print FILENAME ":" FNR ": only " owner[begin] " includes <" angled[2] ">"
        if (folder in is_pure && FILENAME != "core/chain/store_mem.c" && angled[2] in is_impure)
            print FILENAME ":" FNR ": " folder " is pure and takes no <" angled[2] ">"
    }')
}

# breaks FILE LINE: the line, put into the file of the copy, must be seen.
breaks() {
    local file=$copy/$1
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$2" >"$file"
    if [ -z "$(violations "$copy")" ]; then
        printf 'not seen: %s in %s\n' "$2" "$1" >&2
        exit 1
    fi
    rm "$file"
}

root=$1
found=$(violations "$root")
if [ -n "$found" ]; then
    printf '%s\n' "$found" >&2
    exit 1
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
(cd "$root" && find core server client -name '*.[ch]' -print0 | xargs -0 cp --parents -t "$copy")
breaks core/base/a.c '#include "crypto/hash.h"'
breaks core/wire/a.h '#include "merkle/tree.h"'
breaks core/chain/a.c '#include "rules/rules.h"'
breaks core/net/a.c '#include "chain/engine.h"'
breaks core/net/a.c '#  include "wire.h"'
breaks core/rules/a.c '#include "chain/engine_internal.h"'
breaks core/chain/a.c '#include <time.h>'
breaks core/chain/a.c '#include <openssl/evp.h>'
breaks core/wire/a.c '#include <nng/nng.h>'
breaks server/node/a.c '#include <rocksdb/c.h>'
breaks server/node/a.c '#include "consortium/consortium.h"'
breaks server/gateway/a.c '#include "consortium/consortium.h"'
breaks client/link/a.c '#include "producer/producer.h"'
breaks client/producer/a.c '#include "auditor/auditor.h"'
breaks client/cli/a.c '#include "../../server/node/node.h"'
breaks client/agent/a.c '#include "node/node.h"'
breaks client/cli/a.c '#include "agent/agent.h"'
breaks client/shop/a.c '#include "base/err.h"'
[ -z "$(violations "$copy")" ]
