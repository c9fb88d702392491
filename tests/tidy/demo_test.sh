#!/bin/bash
# Goal:   deploy/demo.sh refuses what it cannot use before it does anything, and --stop ends
#         exactly the processes that the folder's files mean: not a stranger who got an old
#         id, not after a boot, and nothing of a folder that is not a demo's. The summary is
#         JSON, and says how long it took until the release was final.
# Method: call it with each unusable argument; lay out folders as a kept run leaves them,
#         with files that mean a process of this test, or a stranger; print the summary of a
#         run that never was.
#
#   demo_test.sh SOURCE-ROOT
set -euo pipefail

demo=$1/deploy/demo.sh
dir=$(mktemp -d)
victim='' bystander=''
trap 'kill $victim $bystander 2>/dev/null || true; rm -rf "$dir"' EXIT

die() { printf '%s\n' "$*" >&2; exit 1; }

# refused SENTENCE ARGUMENT...: exit code 2, and the sentence on standard error.
refused() {
    local sentence=$1 code=0
    shift
    "$demo" "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
    [ "$code" -eq 2 ] || die "$*: exit code $code"
    grep -qF -- "$sentence" "$dir/err" || die "$*: said $(cat "$dir/err")"
    [ ! -s "$dir/out" ] || die "$*: began to work"
}

: >"$dir/empty"
truncate -s $((200 * 1024 * 1024 + 1)) "$dir/large"
mkdir "$dir/full" "$dir/full/run"
: >"$dir/full/run/other.pid"
refused 'is no file' --image "$dir/absent"
refused 'is no file' --image "$dir"
refused 'is empty' --image "$dir/empty"
refused 'the demo takes up to 209715200' --image "$dir/large"
refused 'is not an empty folder' --dir "$dir/full"
refused 'is not an empty folder' --dir "$dir/empty"
refused 'needs a value' --image
refused 'is no option' --imagine
refused 'stands alone' --stop "$dir" --keep
refused 'is no folder of a demo' --stop "$dir/absent"
refused 'is no folder of a demo' --stop "$dir/full"
[ -e "$dir/full/run/other.pid" ] || die 'a file of another folder was removed'

start_of() { awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$1/stat"; }
boot=$(cat /proc/sys/kernel/random/boot_id)
sleep 600 & victim=$!
sleep 600 & bystander=$!

mkdir -p "$dir/kept/run" "$dir/kept/logs"
: >"$dir/kept/run/tamga-demo"
printf '%s %s %s\n' "$victim" "$(start_of $victim)" "$boot" >"$dir/kept/run/gw-1.pid"
printf '%s %s %s\n' "$bystander" 1 "$boot" >"$dir/kept/run/gw-2.pid"
printf '%s %s %s\n' "$bystander" "$(start_of $bystander)" another-boot >"$dir/kept/run/node-a.pid"
: >"$dir/kept/run/node-b.pid"
printf 'no number\n' >"$dir/kept/run/node-c.pid"
"$demo" --stop "$dir/kept" >/dev/null || die 'stop failed'
code=0
wait "$victim" || code=$?
victim=''
[ "$code" -eq $((128 + 15)) ] || die "the recorded process ended with $code"
kill -0 "$bystander" || die 'a stranger was ended'
[ "$(ls "$dir/kept/run")" = tamga-demo ] || die 'files are left'
"$demo" --stop "$dir/kept" >/dev/null || die 'a second stop failed'

# The summary of one device, by the demo's own functions; only the nodes' answers are made up.
(
    here=$1/deploy
    . "$here/demo/audit.sh"
    eval "$(grep '^seconds() ' "$demo")"
    answers() { printf '{"chain":"consortium","height":"7"}\n{"chain":"gateway","height":"2"}\n'; }
    devices=(acme/cam/0001) nodes=(node-a) gateways=(gw-1)
    image_sha256=aa cid=Qm build_ms=1 start_ms=20 installed_ms=61500
    declare -A rpc=([node-a]=tls+tcp://a [gw-1]=tls+tcp://g) release=([acme/cam]=cc)
    declare -A final_ms=([acme/cam]=2345) release_place=([cc]=$'dd\t3')
    declare -A result=([acme/cam/0001]=$'r\tb\t4\tgw-1\tacme\tcc\t1.0')
    summary
) >"$dir/summary.json"
got=$(tr -d '\n' <"$dir/summary.json" | "$1/deploy/demo/json-fields.pl" release_tx \
    consortium_height gateway_height seconds.publish_to_final seconds.publish_to_all_installed)
grep -qF '"rpc": "tls+tcp://a"' "$dir/summary.json" || die 'the summary has no addresses'
[ "$got" = $'cc\t7\t2\t2.345\t61.5' ] || die "the summary says $got"
