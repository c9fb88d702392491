# Sourced by deploy/demo.sh: who takes part, and the files that make them a network.

readonly members=(acme bolt softco)
readonly nodes=(node-a node-b node-c)
readonly gateways=(gw-1 gw-2)
readonly devices=(acme/cam/0001 acme/cam/0002 acme/cam/0003 bolt/pump/0001)
declare -A rpc gossip # of nodes and gateways, as tls+tcp://host:port

# choose_ports: held by a helper until release_ports, when all who use them listen.
choose_ports() {
    local name ports
    coproc PORTS { exec perl "$here/demo/free-ports.pl" $((2 * (${#nodes[@]} + ${#gateways[@]}))); }
    ports_pid=$PORTS_PID
    read -ra ports <&"${PORTS[0]}" || fail_with "no free ports could be had"
    for name in "${nodes[@]}" "${gateways[@]}"; do
        rpc[$name]=tls+tcp://127.0.0.1:${ports[0]}
        gossip[$name]=tls+tcp://127.0.0.1:${ports[1]}
        ports=("${ports[@]:2}")
    done
}

release_ports() {
    kill "$ports_pid" 2>/dev/null || true
    wait "$ports_pid" 2>/dev/null || true
}

# The OEM acme signs with RSA, lets softco publish for its camera, and makes two revisions.
write_network() {
    local name
    printf 'network: demo\nmembers:\n'
    printf '  - {name: acme, roles: [oem], key_type: rsa3072}\n'
    printf '  - {name: bolt, roles: [oem]}\n'
    printf '  - {name: softco, roles: [provider]}\n'
    for name in "${nodes[@]}"; do
        printf '  - {name: %s, roles: [consortium], rpc: "%s", gossip: "%s"}\n' \
            "$name" "${rpc[$name]}" "${gossip[$name]}"
    done
    for name in "${gateways[@]}"; do
        printf '  - {name: %s, roles: [gateway], rpc: "%s", gossip: "%s"}\n' \
            "$name" "${rpc[$name]}" "${gossip[$name]}"
    done
    printf 'models:\n'
    printf '  - {producer: acme, model: cam, hardware: [A, B], providers: [softco]}\n'
    printf '  - {producer: bolt, model: pump}\n'
    printf 'consortium: {block_wait_ms: 500}\ngateway: {block_wait_ms: 500}\n'
}

# enroll P/M/N: what a factory flashes. Odd numbers ask gw-2 first, even ones gw-1.
enroll() {
    local folder=$dir/devices/$1 first=gw-1 second=gw-2
    if (((10#${1##*/}) % 2 == 1)); then
        first=gw-2 second=gw-1
    fi
    mkdir -p "${folder%/*}"
    "$tamga" --identity "$dir/network/members/${1%%/*}" device enroll "$1" --out "$folder" \
        --gateway "${rpc[$first]}" --gateway "${rpc[$second]}" \
        >>"$dir/logs/enroll.log" 2>&1 || fail_with "$1 could not be enrolled" enroll
    sed -i '/^interval_seconds:/d' "$folder/device.yaml"
    printf 'interval_seconds: 1\n' >>"$folder/device.yaml"
}

# read_only COMMAND...: `tamga` without a key that signs: the trust root, and a certificate for
# the links, here softco's; an auditor would have one of his own.
read_only() {
    "$tamga" --genesis "$dir/network/genesis.tamga" --tls "$dir/network/members/softco" "$@"
}

# answers NAME: a node or gateway answers about its chain.
answers() { read_only --node "${rpc[$1]}" --timeout 2 --json status 2>>"$dir/logs/status.log"; }

# openssl_to NAME OPTION...: what somebody else's program sees at a port. What NNG says there
# first has bytes that are no text.
openssl_to() {
    local address=${rpc[$1]#tls+tcp://}
    shift
    timeout 10 openssl s_client -connect "$address" -brief \
        -CAfile "$dir/network/members/bolt/ca.crt" -verify_return_error "$@" 2>&1 </dev/null |
        tr -d '\0'
}

# show_links: with a member's certificate the link is TLS 1.3; without one it is refused.
show_links() {
    local seen refused member=$dir/network/members/bolt
    seen=$(openssl_to node-a -cert "$member/tls.crt" -key "$member/tls.key") || true
    [[ $seen == *'Protocol version: TLSv1.3'* && $seen == *'Verification: OK'* ]] ||
        fail_with "openssl finds no TLS 1.3 at ${rpc[node-a]}: ${seen:0:300}"
    refused=$(openssl_to node-a -ign_eof) || true
    [[ $refused == *'alert certificate required'* ]] ||
        fail_with "node-a takes links without a certificate: ${refused:0:300}"
    say "  all links are $(sed -n 's/^Protocol version: //p' <<<"$seen")," \
        "$(sed -n 's/^Ciphersuite: //p' <<<"$seen"), says openssl s_client at node-a;"
    say '  without a certificate it is told: certificate required'
}
