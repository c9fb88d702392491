# Sourced by deploy/demo.sh: processes that are started, watched and ended by this run only.
#
# DIR/run/NAME.pid holds the process's id, its start time in the kernel's ticks and the
# boot's id. The three together are never given twice, so that no stranger who got an old
# id is ever signalled. The run itself stands in DIR/run/demo as long as it works, and the
# empty DIR/run/tamga-demo tells that the folder is one of ours.

stop_grace_ms=10000
read -r boot_id </proc/sys/kernel/random/boot_id

now_ms() { printf '%s\n' $((${EPOCHREALTIME/[.,]/} / 1000)); }

# find_start PID: start_time in ticks since boot; fails for none and for a zombie.
find_start() {
    local stat field
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra field <<<"${stat##*) }" # from the third on: names may have spaces
    start_time=${field[19]}
    [[ ${field[0]} != [ZX] ]]
}

# record PID FILE: remember the process, if it still lives.
record() {
    local start_time
    find_start "$1" || return 0
    printf '%s %s %s\n' "$1" "$start_time" "$boot_id" >"$2.new"
    mv "$2.new" "$2"
}

# find_alive FILE: pid of the process that the file means, if it still lives.
find_alive() {
    local start boot start_time
    { read -r pid start boot <"$1"; } 2>/dev/null &&
        [ "$boot" = "$boot_id" ] && find_start "$pid" && [ "$start_time" = "$start" ]
}

# start NAME PROGRAM ARGUMENT...: a daemon in a session of its own, so that it outlives the
# terminal if it is to be kept.
start() {
    local name=$1
    shift
    setsid "$@" </dev/null >"$dir/logs/$name.log" 2>&1 &
    record $! "$dir/run/$name.pid"
    disown # or bash would tell how each of them ended
    daemons+=("$name")
}

# all_alive: or the step fails, with the log of the daemon that is gone.
all_alive() {
    local name pid
    for name in "${daemons[@]}"; do
        find_alive "$dir/run/$name.pid" || fail_with "$name has ended by itself" "$name"
    done
}

# send SIGNAL FILE...: to those that still live.
send() {
    local signal=$1 file pid
    shift
    for file in "$@"; do
        ! find_alive "$file" || kill "-$signal" "$pid" 2>/dev/null || true
    done
}

# end_all FILE...: end the processes of these files; all at once, then wait for each.
end_all() {
    local pid deadline_ms patient=yes
    deadline_ms=$(($(now_ms) + stop_grace_ms))
    send TERM "$@"
    while [ $# -gt 0 ]; do
        if ! find_alive "$1"; then
            rm -f "$1"
            shift
        elif [ $patient = yes ] && [ "$(now_ms)" -gt "$deadline_ms" ]; then
            printf 'demo: %s does not end and is killed\n' "${1##*/}" >&2
            patient=no
            send KILL "$@"
        else
            sleep 0.05
        fi
    done
}

# end_recorded DIR: whatever DIR/run says is still running.
end_recorded() {
    local files=()
    mapfile -d '' files < <(find "$1/run" -name '*.pid' -print0)
    end_all "${files[@]}"
}
