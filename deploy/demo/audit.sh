# Sourced by deploy/demo.sh: what the two chains say of every device, verified by `tamga`.

# fields NAME...: of the JSON objects on standard input, a line each, between tabs.
fields() { perl "$here/demo/json-fields.pl" "$@"; }

# confirmed P/M/N: its mined record of having installed this image, as tab-separated fields.
confirmed() {
    read_only --node "${rpc[gw-1]}" --node "${rpc[gw-2]}" --timeout 5 --json history "$1" \
        2>>"$dir/logs/history.log" |
        fields imageSha256 outcome recordId block height gateway releasedBy releaseTx version |
        awk -F '\t' -v OFS='\t' -v sha="$image_sha256" '
            $1 == sha && $2 == "confirmed" && $3 != "-" && $4 != "-" && $5 > 0 {
                print $3, $4, $5, $6, $7, $8, $9
                exit
            }'
}

runs_image() { cmp -s "$image" "$dir/devices/$1/current"; }

# block_of TX: block and height of a release on the consortium chain, its proof verified.
block_of() {
    read_only --node "${rpc[node-b]}" --node "${rpc[node-c]}" --json show "$1" \
        2>>"$dir/logs/show.log" |
        fields release.block release.height
}

short() { printf '%.12s' "$1"; }

# Reads result[P/M/N] (as confirmed prints it); prints the table.
print_audit() {
    local device record block height gateway by tx version release_block release_height
    printf '\n'
    {
        printf 'DEVICE\tRUNS\tRELEASED BY\tPROVED BY CONSORTIUM BLOCK\t'
        printf 'DELIVERED BY\tPROVED BY GATEWAY BLOCK\n'
        for device in "${devices[@]}"; do
            IFS=$'\t' read -r record block height gateway by tx version <<<"${result[$device]}"
            IFS=$'\t' read -r release_block release_height <<<"${release_place[$tx]}"
            printf '%s\t%s\t%s (tx %s)\t%s (%s)\t%s (record %s)\t%s (%s)\n' \
                "$device" "$version" "$by" "$(short "$tx")" \
                "$release_height" "$(short "$release_block")" \
                "$gateway" "$(short "$record")" "$height" "$(short "$block")"
        done
    } | align
    printf '\nEvery line was verified from network/genesis.tamga alone: signatures, device\n'
    printf 'certificates, and the proof that each block commits to what it is named for.\n'
}

# What is proved of the newest release, and where the nodes and gateways stand.
print_finality() {
    local name everybody=()
    printf '\n$ tamga latest acme/cam\n'
    read_only --node "${rpc[node-a]}" latest acme/cam 2>"$dir/logs/latest.log" ||
        fail_with 'the newest release is not proved'
    printf '\n$ tamga status\n'
    for name in "${nodes[@]}" "${gateways[@]}"; do
        everybody+=(--node "${rpc[$name]}")
    done
    read_only "${everybody[@]}" status 2>>"$dir/logs/status.log" ||
        fail_with 'the nodes do not say how they are'
}

# align: columns as wide as their widest field.
align() {
    awk -F '\t' '
        {
            for (i = 1; i <= NF; i++) {
                cell[NR, i] = $i
                if (length($i) > wide[i])
                    wide[i] = length($i)
            }
        }
        END {
            for (row = 1; row <= NR; row++) {
                for (i = 1; i < NF; i++)
                    printf "%-" wide[i] "s  ", cell[row, i]
                print cell[row, NF]
            }
        }'
}

# height_of NAME CHAIN: a gateway holds both chains.
height_of() {
    answers "$1" | fields chain height |
        awk -F '\t' -v chain="$2" '$1 == chain { print $2 + 0; found = 1 } END { exit !found }'
}

# join SEPARATOR LINE...
join() {
    local separator=$1 first=${2-}
    shift 2 || return 0
    printf '%s' "$first" "${@/#/$separator}"
}

# All values are hex, numbers, or names without quotes or backslashes.
summary() {
    local device name record block height gateway by tx version rows=() places=()
    local cam_tx=${release[acme/cam]} role
    for device in "${devices[@]}"; do
        IFS=$'\t' read -r record block height gateway by tx version <<<"${result[$device]}"
        rows+=("{\"device\": \"$device\", \"version\": \"$version\", \"outcome\": \"confirmed\", \
\"record\": \"$record\", \"record_block\": \"$block\", \"record_height\": $height, \
\"gateway\": \"$gateway\", \"release_tx\": \"$tx\", \"released_by\": \"$by\"}")
    done
    for name in "${nodes[@]}" "${gateways[@]}"; do
        role=consortium
        [[ $name != gw-* ]] || role=gateway
        places+=("{\"name\": \"$name\", \"role\": \"$role\", \"rpc\": \"${rpc[$name]}\", \
\"http\": null}")
    done
    printf '{\n'
    printf '  "image_sha256": "%s",\n  "cid": "%s",\n' "$image_sha256" "$cid"
    printf '  "release_tx": "%s",\n  "release_block": "%s",\n' \
        "$cam_tx" "${release_place[$cam_tx]%%$'\t'*}"
    printf '  "consortium_height": %s,\n  "gateway_height": %s,\n' \
        "$(height_of node-a consortium)" "$(height_of gw-1 gateway)"
    printf '  "devices": [\n    %s\n  ],\n' "$(join $',\n    ' "${rows[@]}")"
    printf '  "nodes": [\n    %s\n  ],\n' "$(join $',\n    ' "${places[@]}")"
    printf '  "seconds": {"build": %s, "start": %s, "publish_to_final": %s, ' \
        "$(seconds "$build_ms")" "$(seconds "$start_ms")" "$(seconds "${final_ms[acme/cam]}")"
    printf '"publish_to_all_installed": %s}\n}\n' "$(seconds "$installed_ms")"
}
