#!/bin/bash
# Goal:   what docs/OPERATING.md, "Certificates", tells people to type does what it says: a
#         new certificate is taken, a revoked one is not, and a network may bring its own CA,
#         also beside the former one.
# Method: run the blocks of that page in a network that `tamga network init` made; `tamga`
#         judges its own certificate before it links, so nothing has to run.
#
#   certificates_test.sh TAMGA OPERATING.md
set -euo pipefail
tamga=$1 page=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset TAMGA_NODE TAMGA_IDENTITY TAMGA_TLS TAMGA_GENESIS

die() { printf '%s\n' "$*" >&2; exit 1; }

# block N: the Nth shell block of the section.
block() {
    awk -v wanted="$1" '
        /^## / { here = ($0 == "## Certificates") }
        here && /^```sh$/ { number++; inside = 1; next }
        /^```$/ { inside = 0 }
        here && inside && number == wanted' "$page"
}

# typed FOLDER N: a block as a person would type it there.
typed() {
    [ -n "$(block "$2")" ] || die "the page has no block $2"
    (cd "$1" && bash -euo pipefail -c "$(block "$2")") >"$work/out" 2>&1 ||
        die "block $2: $(cat "$work/out")"
}

# taken FOLDER: its certificates would be shown; nobody listens there.
# refused CODE FOLDER
try() {
    "$tamga" --node tls+tcp://127.0.0.1:1 --genesis "$net/genesis.tamga" --tls "$1" \
        --timeout 1 status >"$work/out" 2>&1 || true
    grep -q "($2)" "$work/out" || die "$1 is not $2: $(cat "$work/out")"
}
taken() { try "$1" UNREACHABLE; }
refused() { try "$2" "$1"; }

cat >"$work/network.yaml" <<'END'
network: test
members:
  - {name: acme, roles: [oem]}
  - name: node-a
    roles: [consortium]
    rpc: "tls+tcp://127.0.0.1:1"
    gossip: "tls+tcp://127.0.0.1:2"
  - {name: gw-1, roles: [gateway], rpc: "tls+tcp://127.0.0.1:3", gossip: "tls+tcp://127.0.0.1:4"}
  - {name: gw-2, roles: [gateway], rpc: "tls+tcp://127.0.0.1:5", gossip: "tls+tcp://127.0.0.1:6"}
models:
  - {producer: acme, model: cam}
END
net=$work/net
"$tamga" network init --from "$work/network.yaml" --out "$net" >"$work/out" 2>&1 ||
    die "no network: $(cat "$work/out")"
[ -s "$net/ca/openssl.cnf" ] && [ -e "$net/ca/index.txt" ] || die 'nothing for openssl ca'

# give FROM MEMBER: gw-1's new certificate and key, as the page says.
give() {
    mv "$1/gw-1.crt" "$net/members/$2/tls.crt"
    mv "$1/gw-1.key" "$net/members/$2/tls.key"
}

cp "$net/members/gw-1/tls.crt" "$work/former"
typed "$net/ca" 1
give "$net/ca" gw-1
cmp -s "$work/former" "$net/members/gw-1/tls.crt" && die 'nothing new was made'
taken "$net/members/gw-1"

typed "$net/ca" 2
taken "$net/members/gw-2" # who has not heard of it yet
cp "$net/ca/ca.crl" "$net/members/gw-2/"
cp "$net/ca/ca.crl" "$net/members/gw-1/"
refused LINK_REVOKED "$net/members/gw-2"
taken "$net/members/gw-1"

mkdir "$net/own"
cp "$net/ca/openssl.cnf" "$net/own/"
typed "$net/own" 3
typed "$net/own" 1
cat "$net/own/ca.crt" >>"$net/members/gw-1/ca.crt"
cat "$net/own/ca.crl" >>"$net/members/gw-1/ca.crl"
taken "$net/members/gw-1" # the former certificate, and both CAs
give "$net/own" gw-1
taken "$net/members/gw-1" # the new one, and both
cp "$net/own/ca.crt" "$net/own/ca.crl" "$net/members/gw-1/"
taken "$net/members/gw-1" # the new one alone
cp "$net/own/ca.crt" "$net/own/ca.crl" "$net/members/acme/"
refused LINK_FOREIGN "$net/members/acme"
