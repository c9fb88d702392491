#!/bin/bash
# A whole Tamga network on this machine: two OEMs, a software provider, three consortium
# nodes, two gateways, four devices; one image published, made final, installed everywhere,
# audited.
#
#   deploy/demo.sh [--image FILE] [--dir DIR] [--keep]
#   deploy/demo.sh --stop DIR
#
# All links are TLS 1.3: nodes, gateways, devices and `tamga` show certificates to each other.
# It installs what is missing, builds, and asks no question. Everything it makes is in DIR
# (default: a new folder under /tmp); everything it starts is ended when it ends, unless
# --keep: then --stop DIR ends exactly that. Servers listen on 127.0.0.1 only.
set -euo pipefail
export LC_ALL=C

here=$(dirname "$(readlink -f "$0")")
root=$(dirname "$here")
build=$root/build/release
tamga=$build/client/cli/tamga
readonly here root build tamga
readonly image_bytes_max=$((200 * 1024 * 1024))
# A firmware that anybody may have: the boot loader of an emulated ARM board, 1 MB.
readonly default_image=/usr/lib/u-boot/qemu_arm64/u-boot.bin

image='' dir='' keep=no stop=''
step='reading the command' logs=()
daemons=()
ports_pid='' image_mb=0
image_sha256='' version='' cid=''
build_ms=0 start_ms=0 installed_ms=0
declare -A release final_ms # by P/M
declare -A release_place result # by transaction, and by P/M/N

. "$here/demo/process.sh"
. "$here/demo/network.sh"
. "$here/demo/audit.sh"
began_ms=$(now_ms)

usage() {
    [ $# -eq 0 ] || printf 'demo: %s\n' "$*" >&2
    printf 'usage: deploy/demo.sh [--image FILE] [--dir DIR] [--keep]\n' >&2
    printf '       deploy/demo.sh --stop DIR\n' >&2
    exit 2
}

# refuse SENTENCE: an argument that cannot be used.
refuse() {
    printf 'demo: %s\n' "$*" >&2
    exit 2
}

seconds() { printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }
say() { printf '[%8s s] %s\n' "$(seconds $(($(now_ms) - began_ms)))" "$*"; }

# step TEXT [LOG...]: what is done now, and the logs to show if it goes wrong.
step() {
    step=$1
    shift
    logs=("$@")
    say "$step"
}

# fail_with SENTENCE [LOG...]
fail_with() {
    printf 'demo: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || logs=("$@")
    exit 1
}

# A background command that is waited for: a signal then ends the run at once, and not when
# the command is done.
await() { wait $!; }

show_logs() {
    local name
    for name in "${logs[@]}"; do
        [ -s "$dir/logs/$name.log" ] || continue
        printf 'demo: the end of %s:\n' "$dir/logs/$name.log" >&2
        tail -n 20 "$dir/logs/$name.log" | sed 's/^/    /' >&2
    done
}

# Whatever happens, nothing of ours goes on running; except what --keep keeps.
at_exit() {
    local code=$? child
    trap '' INT TERM HUP
    trap - EXIT
    if [ "$code" -eq 0 ] && [ "$keep" = yes ]; then
        rm -f "$dir/run/demo"
        exit 0
    fi
    [ -z "$dir" ] || [ ! -e "$dir/run/tamga-demo" ] || end_recorded "$dir"
    # Children that no file knows: one that was not waited for keeps its id.
    for child in $(jobs -p); do
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    done
    [ -z "$dir" ] || rm -f "$dir/run/demo"
    if [ "$code" -ne 0 ] && [ -n "$dir" ]; then
        printf 'demo: failed while %s\n' "$step" >&2
        show_logs
        printf 'demo: everything was stopped; what happened is in %s\n' "$dir" >&2
    fi
    exit "$code"
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case "$1" in
        --image | --dir | --stop)
            [ -n "${2-}" ] || usage "$1 needs a value"
            case "$1" in
            --image) image=$2 ;;
            --dir) dir=$2 ;;
            --stop) stop=$2 ;;
            esac
            shift 2 ;;
        --keep) keep=yes; shift ;;
        -h | --help) usage ;;
        *) usage "\"$1\" is no option" ;;
        esac
    done
    [ -z "$stop" ] || [ "$image$dir$keep" = no ] || usage "--stop stands alone"
}

stop_run() {
    [ -f "$stop/run/tamga-demo" ] || refuse "$stop is no folder of a demo"
    stop_grace_ms=30000 end_all "$stop/run/demo" # a run at work ends what it started
    end_recorded "$stop"
    printf 'demo: nothing of %s is running any more\n' "$stop"
}

check_image() {
    local bytes
    [ -n "$image" ] || return 0
    [ -f "$image" ] || refuse "$image is no file"
    [ -r "$image" ] || refuse "$image cannot be read"
    image=$(realpath "$image")
    bytes=$(stat -L -c %s "$image")
    [ "$bytes" -gt 0 ] || refuse "$image is empty"
    [ "$bytes" -le "$image_bytes_max" ] ||
        refuse "$image has $bytes bytes; the demo takes up to $image_bytes_max"
}

make_folder() {
    if [ -z "$dir" ]; then
        dir=$(mktemp -d /tmp/tamga-demo-XXXXXX)
    elif [ -e "$dir" ] && { [ ! -d "$dir" ] || [ -n "$(ls -A "$dir")" ]; }; then
        refused=$dir dir=''
        refuse "$refused exists and is not an empty folder"
    else
        mkdir -p "$dir"
        dir=$(realpath "$dir")
    fi
    mkdir "$dir/run" "$dir/logs" "$dir/devices"
    : >"$dir/run/tamga-demo"
    record $$ "$dir/run/demo"
}

# The default image needs setup.sh first; a large one needs room at each of the nine.
measure_image() {
    local bytes need_kb room_kb
    if [ -z "$image" ]; then
        image=$default_image
        version=$(dpkg-query -W -f '${Version}' "$(dpkg-query -S "$image" | cut -d: -f1)")
        version=${version//[!A-Za-z0-9._-]/_}
    else
        version=1.0.0
    fi
    image_sha256=$(sha256sum "$image" | cut -d' ' -f1)
    bytes=$(stat -L -c %s "$image")
    image_mb=$((bytes / 1000000))
    need_kb=$((bytes / 1024 * 12 + 200000))
    room_kb=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
    [ "$room_kb" -ge "$need_kb" ] ||
        fail_with "$dir has room for $((room_kb / 1024)) MB; this image needs $((need_kb / 1024))"
    say "the image: $image, version $version, $bytes bytes"
}

# tell_progress: the last line of the build's log, now and then, until the build is done.
tell_progress() {
    local round=0 line
    while kill -0 "$1" 2>/dev/null; do
        sleep 0.2
        round=$((round + 1))
        if [ $((round % 50)) -eq 0 ]; then
            line=$(tail -n 1 "$dir/logs/build.log")
            say "  ${line:0:80}"
        fi
    done
}

# One build at a time in one folder: tests/run.sh takes this lock too.
build() {
    local from_ms
    from_ms=$(now_ms)
    mkdir -p "$root/build"
    exec 9>"$root/build/release.lock"
    flock -n 9 || say '  waiting for another build to end'
    flock 9 & await
    (cd "$root" && exec cmake --preset release) >"$dir/logs/build.log" 2>&1 9>&- & await ||
        fail_with "the build could not be configured"
    ninja -C "$build" client/cli/tamga client/agent/tamga-device \
        server/consortium/tamga-consortium server/gateway/tamga-gateway \
        >>"$dir/logs/build.log" 2>&1 9>&- &
    tell_progress $!
    await || fail_with "the build failed"
    exec 9>&-
    build_ms=$(($(now_ms) - from_ms))
}

# wait_until DEADLINE_MS SENTENCE COMMAND...: until it succeeds, while every daemon lives.
wait_until() {
    local deadline_ms=$(($(now_ms) + $1)) sentence=$2
    shift 2
    until "$@" >/dev/null; do
        all_alive
        [ "$(now_ms)" -lt "$deadline_ms" ] || fail_with "$sentence"
        sleep 0.2
    done
}

make_network() {
    choose_ports
    write_network >"$dir/network.yaml"
    "$tamga" network init --from "$dir/network.yaml" --out "$dir/network" \
        >"$dir/logs/init.log" 2>&1 || fail_with "the network could not be made" init
    local device
    for device in "${devices[@]}"; do
        enroll "$device"
    done
}

start_network() {
    local name kind
    for name in "${nodes[@]}" "${gateways[@]}"; do
        kind=consortium
        [[ $name != gw-* ]] || kind=gateway
        start "$name" "$build/server/$kind/tamga-$kind" \
            --config "$dir/network/members/$name/$kind.yaml"
    done
    for name in "${nodes[@]}" "${gateways[@]}"; do
        logs=("$name" status)
        wait_until 60000 "$name did not answer within 60 seconds" answers "$name"
    done
    release_ports
    show_links
    local device
    for device in "${devices[@]}"; do
        start "device-${device//\//-}" "$build/client/agent/tamga-device" \
            --config "$dir/devices/$device/device.yaml"
    done
}

# publish MEMBER P/M: done when a quorum of the nodes has cosigned that the release stays.
publish() {
    local block height checkpoint publish_ms answer=$dir/logs/publish-$1.json
    publish_ms=$(now_ms)
    step "publishing for $2, by $1" publish node-a node-b node-c
    "$tamga" --identity "$dir/network/members/$1" --node "${rpc[node-a]}" \
        --timeout $((60 + image_mb)) --json -q \
        publish "$image" --model "$2" --version "$version" --wait final \
        >"$answer" 2>"$dir/logs/publish.log" & await || fail_with "the release was not published"
    final_ms[$2]=$(($(now_ms) - publish_ms))
    IFS=$'\t' read -r "release[$2]" cid block height checkpoint \
        < <(fields txId cid block height checkpoint <"$answer")
    say "  transaction ${release[$2]:0:12}, in consortium block $height ${block:0:12}"
    say "  final by checkpoint $checkpoint, $(seconds "${final_ms[$2]}") s after it was published"
    say "  content $cid"
}

# One device after another, so that each line says when it was done.
wait_installed() {
    local device
    local grace_ms=$((180000 + image_mb * 4000))
    for device in "${devices[@]}"; do
        logs=("device-${device//\//-}" gw-1 gw-2 history)
        wait_until "$grace_ms" "$device does not run the image" runs_image "$device"
        wait_until "$grace_ms" "no mined record tells of $device" is_confirmed "$device"
        say "  $device runs it; its record is in a gateway block"
    done
}

is_confirmed() {
    result[$1]=$(confirmed "$1") && [ -n "${result[$1]}" ]
}

place_releases() {
    local tx
    for tx in "${release[@]}"; do
        release_place[$tx]=$(block_of "$tx") || fail_with "release $tx is not proved" show node-b
    done
}

how_to_look_around() {
    printf '\nEverything is still running. To look around:\n'
    printf '  export PATH=%q:$PATH TAMGA_GENESIS=%q TAMGA_TLS=%q TAMGA_NODE=%q\n' \
        "$build/client/cli" "$dir/network/genesis.tamga" "$dir/network/members/softco" \
        "${rpc[node-a]}"
    printf '  tamga status\n'
    printf '  tamga latest acme/cam\n'
    printf '  tamga show checkpoint\n'
    printf '  tamga releases\n'
    printf '  tamga show %s\n' "${release[acme/cam]}"
    printf '  tamga --node %s history acme/cam/0001\n' "${rpc[gw-1]}"
    printf '  tail -f %q/logs/gw-1.log\n' "$dir"
    printf 'To end it:\n  %q --stop %q\n' "$here/demo.sh" "$dir"
}

read_arguments "$@"
if [ -n "$stop" ]; then
    stop_run
    exit 0
fi
check_image
trap at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
make_folder
say "everything goes to $dir"

step 'installing what is missing'
"$here/setup.sh"
measure_image
step 'building (minutes the first time)' build
build
from_ms=$(now_ms)
step 'making keys, the trust root and the devices' init enroll
make_network
step 'starting three consortium nodes, two gateways and four devices' "${nodes[@]}" "${gateways[@]}"
start_network
start_ms=$(($(now_ms) - from_ms))
from_ms=$(now_ms)
publish softco acme/cam
publish bolt bolt/pump
step 'waiting until every device runs the image and a gateway block says so'
wait_installed
installed_ms=$(($(now_ms) - from_ms))
step 'auditing' show history latest status node-b gw-1
place_releases
print_audit
print_finality
summary >"$dir/summary.json.new"
mv "$dir/summary.json.new" "$dir/summary.json"
say "done; the summary is $dir/summary.json"
[ "$keep" = no ] || how_to_look_around
