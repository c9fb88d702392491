#!/bin/bash
# Installs what building, testing and showing Tamga needs on Debian 12, and only what is missing.
#
#   deploy/setup.sh          install
#   deploy/setup.sh --list   print the packages' names, one a line; install nothing
#   deploy/setup.sh --etcd   install, and besides etcd, beside which tests/bench/run.sh then
#                            measures; nothing else needs it
#
# The one place that names Debian packages. It asks no question: without root it tries
# sudo, and if that wants a password it says so and stops.
set -euo pipefail

packages=(
    # compiler and build
    build-essential cmake ninja-build pkgconf protobuf-c-compiler
    # libraries of the programs
    libcurl4-openssl-dev libcyaml-dev libnng-dev libprotobuf-c-dev librocksdb-dev libssl-dev
    libyaml-dev uthash-dev
    # librocksdb-dev's CMake package asks for each of these
    libbz2-dev libgflags-dev liblz4-dev libsnappy-dev libzstd-dev zlib1g-dev
    # tests; Criterion leaves nn_* symbols to libnanomsg
    libcriterion-dev libjansson-dev libnanomsg5
    # tests of keys on tokens: a token in software, the engine, and a tool that makes keys
    softhsm2 libengine-pkcs11-openssl opensc
    # deploy/demo.sh: free ports and JSON; what a port speaks; a real firmware image of 1 MB
    perl openssl u-boot-qemu
    # a contributor's own
    git
)

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

find_missing() {
    missing=()
    local package
    for package in "${packages[@]}"; do
        installed "$package" || missing+=("$package")
    done
}

apt() {
    apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=900 -o Dpkg::Use-Pty=0 "$@" >&2
}

# Debian's package starts a server of its own at once; the benchmark starts others.
stop_etcd() {
    if [ -d /run/systemd/system ]; then
        systemctl --quiet disable --now etcd.service || say "etcd.service could not be disabled"
    fi
}

install_missing() {
    # Two runs at once: the second waits, and then finds nothing missing.
    exec 9>/run/lock/tamga-setup
    flock -w 900 9 || fail "another setup has been running for 15 minutes"
    find_missing
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt update || fail "the package lists could not be fetched (apt-get update)"
    apt install -y --no-install-recommends "${missing[@]}" 9>&- ||
        fail "apt-get could not install: ${missing[*]}"
    case " ${missing[*]} " in *' etcd-server '*) stop_etcd ;; esac
}

case "${1-}" in
--list) printf '%s\n' "${packages[@]}"; exit 0 ;;
--etcd) packages+=(etcd-server) ;;
'') ;;
*) printf 'usage: deploy/setup.sh [--list | --etcd]\n' >&2; exit 2 ;;
esac

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    fail "this is no Debian system; what is needed there: deploy/setup.sh --list"
find_missing
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" -eq 0 ]; then
    install_missing
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    exec sudo -n "$(readlink -f "$0")" "$@"
else
    fail "missing: ${missing[*]}; installing needs root: run 'sudo deploy/setup.sh${*:+ $*}' once"
fi
