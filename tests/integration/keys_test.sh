#!/bin/bash
# Keys as real processes take them: what a key file may be, and a network whose node, producer
# and device have their keys on a PKCS#11 token (SoftHSM), as docs/OPERATING.md tells.
# Usage: keys_test.sh TAMGA TAMGA-CONSORTIUM TAMGA-DEVICE. Prints what fails; exits 1 then.
set -u
exec </dev/null # nobody is asked for a passphrase
tamga=$1 consortium=$2 agent=$3
work=$(mktemp -d) || exit 1
node=
cleanup() {
    [ -z "$node" ] || kill "$node" 2>/dev/null
    wait
    rm -rf "$work"
}
trap cleanup EXIT

# start CONFIG LOG: a node, in the background; $node, and $rpc once it says that it is ready
start() {
    "$consortium" --config "$1" 2>"$2" &
    node=$!
    for ((i = 0; i < 600; i++)); do
        rpc=$(sed -n 's/.*node.ready: rpc \([^ ]*\) .*/\1/p' "$2")
        [ -z "$rpc" ] && kill -0 $node 2>/dev/null || break
        read -rt 0.1 <> <(:)
    done
    [ -n "$rpc" ] || fail "the node is not ready: $(cat "$2")"
}
cd "$work" || exit 1
unset TAMGA_NODE TAMGA_IDENTITY TAMGA_GENESIS TAMGA_PASSPHRASE_FILE
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

# expect CODE TEXT COMMAND...: exit code, and a text somewhere in the output
expect() {
    local code=$1 text=$2 got
    shift 2
    "$@" >out 2>&1
    got=$?
    [ $got -eq "$code" ] || fail "exit $got, not $code: $*: $(cat out)"
    [ -z "$text" ] || grep -qF -- "$text" out || fail "no \"$text\": $*: $(cat out)"
}

# ---- files ---------------------------------------------------------------------------------

cat >network.yaml <<'YAML'
network: keys
members:
  - {name: node-a, roles: [consortium], rpc: 'tcp://127.0.0.1:1', gossip: 'tcp://127.0.0.1:2'}
  - {name: acme, roles: [oem]}
models:
  - {producer: acme, model: cam}
YAML
expect 0 'with 2 members' "$tamga" network init --from network.yaml --out plain
echo 'a secret' >right && echo 'no secret' >wrong && chmod 600 right wrong
home=plain/members/node-a
key=$home/key.pem
cp -p $key good.pem
openssl pkcs8 -topk8 -in $key -out locked.pem -passout file:right && chmod 600 locked.pem
head -c 150 good.pem >cut.pem && chmod 600 cut.pem
check() { expect "$1" "$2" "$consortium" --config $home/consortium.yaml --check-config; }

# Goal: a node starts with a key that only its owner can read, and with no other.
# Method: modes, links, and files that are no key; what is refused makes no data folder.
check 0 ''
for mode in 0640 0604 0644 0660; do
    chmod $mode $key
    expect 4 "has mode $mode, so others can read the key; chmod 600 it" \
        "$consortium" --config $home/consortium.yaml
    grep -q KEY_FILE out || fail "mode $mode is not KEY_FILE: $(cat out)"
    expect 4 "has mode $mode" "$tamga" --identity $home --node tcp://127.0.0.1:1 status
done
[ ! -e $home/data ] || fail 'a node that was refused has begun'
chmod 0400 $key
check 0 ''
# A link is followed: what counts is the file that it leads to.
ln -sf "$work/good.pem" $key
check 0 ''
chmod 0644 good.pem
check 4 'has mode 0644'
chmod 0600 good.pem
rm $key
check 4 'No such file'
cp -p cut.pem $key
check 4 'no private key in PEM'
cp $home/key.pub $key && chmod 600 $key
check 4 'no private key in PEM'
cp -p plain/members/acme/key.pem $key
check 1 'NOT_MEMBER'

# Goal: a passphrase opens a node's key, by a file that only its owner can read.
cp -p locked.pem $key
check 4 'is encrypted, and no passphrase was given'
echo "passphrase_file: $work/wrong" >>$home/consortium.yaml
check 4 'wrong passphrase, or damaged'
sed -i "s|/wrong$|/right|" $home/consortium.yaml
check 0 ''
chmod 0640 right
check 4 'has mode 0640, so others can read it; chmod 600 it'
chmod 0600 right
identity() {
    expect "$1" "$2" "$tamga" --identity $home --node tcp://127.0.0.1:1 --timeout 1 "${@:3}"
}
identity 4 'is encrypted, and no passphrase was given' status
identity 4 'wrong passphrase' --passphrase-file wrong status
identity 3 'UNREACHABLE' --passphrase-file right status
TAMGA_PASSPHRASE_FILE=right identity 3 'UNREACHABLE' status

# Goal: a device refuses its key file by the same rules.
expect 0 'is enrolled' "$tamga" --identity plain/members/acme device enroll acme/cam/1 --out dev \
    --gateway tcp://127.0.0.1:1
chmod 0644 dev/device.pem
expect 4 'has mode 0644' "$agent" --config dev/device.yaml --once
chmod 0600 dev/device.pem

# ---- a token -------------------------------------------------------------------------------

# The commands of docs/OPERATING.md, "Keys on a token".
module=/usr/lib/softhsm/libsofthsm2.so
mkdir tokens
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$work/tokens" >softhsm2.conf
export SOFTHSM2_CONF=$work/softhsm2.conf
echo 4711-4711 >pin && chmod 600 pin
softhsm2-util --init-token --free --label acme --pin 4711-4711 --so-pin 12345678 >out ||
    fail "no token: $(cat out)"
pair() {
    pkcs11-tool --module $module --token-label acme --login --pin 4711-4711 --keypairgen \
        --key-type "$1" --id "$2" --label "$3" >out 2>&1 || fail "no key $3: $(cat out)"
}
pair EC:prime256v1 01 node
pair rsa:3072 02 release
pair EC:prime256v1 03 device
uri() { echo "pkcs11:token=acme;object=$1?pin-source=$work/pin&module-path=$module"; }

# Goal: a token's public key goes into genesis as any other; pkcs11-tool and openssl say the same.
expect 0 'p256 key with address' "$tamga" keygen --from "$(uri node)" --out node-a
expect 0 'rsa3072 key with address' "$tamga" keygen --from "$(uri release)" --out acme
[ ! -e node-a ] || fail 'a private key of a token is in a file'
pkcs11-tool --module $module --token-label acme --read-object --type pubkey --label node \
    -o node.der >/dev/null 2>&1
openssl pkey -pubin -inform DER -in node.der -out node.pub 2>/dev/null
cmp -s node.pub node-a.pub || fail 'pkcs11-tool has another public key'
expect 4 'wrong PIN' "$tamga" keygen --passphrase-file wrong --out other \
    --from "pkcs11:token=acme;object=node?module-path=$module"
[ ! -e other.pub ] || fail 'a public key of nothing'
sed -i 's/\[consortium\]/&, public_key: node-a.pub/; s/\[oem\]/&, public_key: acme.pub/' \
    network.yaml
expect 0 'with 2 members' "$tamga" network init --from network.yaml --out net
uri release >net/members/acme/key.uri
home=net/members/node-a
sed -i "s|^key: .*|key: $(uri node | sed 's/&/\\&/g')|; s|127.0.0.1:[12]$|127.0.0.1:0|" \
    $home/consortium.yaml

# Goal: what is wrong with a token stops a node before it starts.
check 0 ''
OPENSSL_ENGINES=/absent check 4 'libengine-pkcs11-openssl'
sed -i.kept 's/object=node/object=nobody/' $home/consortium.yaml
check 4 'the token is there, but no such key on it'
sed 's/object=node/object=device/' $home/consortium.yaml.kept >$home/consortium.yaml
check 1 "is nobody's"
cp $home/consortium.yaml.kept $home/consortium.yaml

# Goal: node and producer sign on the token, a release becomes final, and all end cleanly.
start $home/consortium.yaml log
grep -q '^VmLck:[[:space:]]*[1-9]' /proc/$node/status || grep -q memory.unlocked log ||
    fail 'the node has no locked memory, and does not say so'
printf 'an image\n' >image
expect 0 'final' "$tamga" --node "$rpc" --identity net/members/acme publish image \
    --model acme/cam --version 1.0 --wait final
cp net/members/node-a/key.pub net/members/acme/key.pem
expect 4 'has both key.pem and key.uri' "$tamga" --node "$rpc" --identity net/members/acme status
rm net/members/acme/key.pem
echo key.pem >net/members/acme/key.uri
expect 4 'its first line must be a URI' "$tamga" --node "$rpc" --identity net/members/acme status
uri release >net/members/acme/key.uri
kill $node
wait $node
code=$?
node=
[ $code -eq 0 ] || fail "the node ended with $code: $(tail -5 log)"

# Goal: a device whose key is on a token is enrolled and starts; no key of it is in a file.
expect 0 'is enrolled' "$tamga" --identity net/members/acme device enroll acme/cam/2 --out dev2 \
    --gateway tcp://127.0.0.1:1 --key "$(uri device)"
[ ! -e dev2/device.pem ] || fail 'a private key of a token is in a file'
expect 3 '' "$agent" --config dev2/device.yaml --once
sed -i 's/object=device/object=node/' dev2/device.yaml
"$agent" --config dev2/device.yaml --once >out 2>&1 && fail 'a device with another key started'
expect 2 'accepted is a pkcs11: URI' "$tamga" device enroll acme/cam/3 --out dev3 --key device.pem

# Goal: a node whose TLS key is on a token links with one whose key is in a file.
# Method: node-b of a network with TLS dials node-a, which shows its certificate by the token.
cat >tls.yaml <<'YAML'
network: links
members:
  - name: node-a
    roles: [consortium]
    rpc: tls+tcp://127.0.0.1:1
    gossip: tls+tcp://127.0.0.1:2
  - name: node-b
    roles: [consortium]
    rpc: tls+tcp://127.0.0.1:3
    gossip: tls+tcp://127.0.0.1:4
YAML
expect 0 'with 2 members' "$tamga" network init --from tls.yaml --out tls
a=tls/members/node-a b=tls/members/node-b
softhsm2-util --import $a/tls.key --token acme --label link --id 05 --pin 4711-4711 >out ||
    fail "no import: $(cat out)"
rm $a/tls.key
sed -i "s|key: tls.key|key: '$(uri link | sed 's/&/\\&/g')'|; /^peers:/,/^    gossip/d
    s|127.0.0.1:[12]$|127.0.0.1:0|" $a/consortium.yaml
start $a/consortium.yaml a.log
first=$node
sed -i "s|rpc: .*# node-a|rpc: $rpc|; s|127.0.0.1:[34]$|127.0.0.1:0|" $b/consortium.yaml
start $b/consortium.yaml b.log
for ((i = 0; i < 600; i++)); do
    grep -q peer.up b.log && break
    read -rt 0.1 <> <(:)
done
grep -q peer.up b.log || fail "no link: $(cat a.log b.log)"
kill $first $node
wait $first $node
node=

exit $failed
