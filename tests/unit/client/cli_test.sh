#!/bin/sh
# The tamga command as a process: exit codes, messages and files of what needs no node.
# Usage: cli_test.sh TAMGA. Prints what fails; exits 1 if anything did.
set -u
exec </dev/null # nobody is asked for a passphrase
tamga=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset TAMGA_NODE TAMGA_IDENTITY TAMGA_TLS TAMGA_GENESIS TAMGA_PASSPHRASE_FILE
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

# expect CODE TEXT COMMAND...: exit code, and a text somewhere in the output
expect() {
    code=$1 text=$2
    shift 2
    "$@" >out 2>&1
    got=$?
    [ $got -eq "$code" ] || fail "exit $got, not $code: $*: $(cat out)"
    grep -qF -- "$text" out || fail "no \"$text\": $*: $(cat out)"
}

# Goal: usage errors are exit 2 and say what is accepted; help and version are exit 0.
expect 0 'Commands:' "$tamga" --help
expect 0 'tamga 0.' "$tamga" --version
expect 2 'which command?' "$tamga"
expect 2 '"nope" is no command' "$tamga" nope
expect 2 '"network" is no command' "$tamga" network
expect 2 'network init' "$tamga" network nope
expect 2 'unrecognized option' "$tamga" --nope status
expect 2 'unrecognized option' "$tamga" status --nope
for command in keygen 'network init' publish releases latest 'proof verify' show status \
    'device enroll' history cid withdraw permit 'model register' 'model show' delegate \
    'member list' 'member add' 'member roles' 'member suspend' 'member reinstate' \
    'member remove' 'member revoke' 'member rotate-key' 'member validator' 'propose member' \
    'propose params' proposals list approve; do
    # shellcheck disable=SC2086
    expect 0 'Example: tamga' "$tamga" $command --help
done

# Goal: what is not stated in full, or not written so, is told before anybody is asked.
id=6697fac79bd495f4457f6fb4f964f563a792936263b931dfbabb93050ab4fd96
expect 2 '"member" is no command' "$tamga" member
expect 2 'which member? NAME' "$tamga" member add --role oem --key x.pub
expect 2 '--role is needed' "$tamga" member add newco --key x.pub
expect 2 '--key FILE.pub is needed' "$tamga" member add newco --role oem
expect 2 'roles are oem, provider' "$tamga" member add newco --role boss --key x.pub
expect 2 '--after is "0"' "$tamga" member suspend softco --after 0
expect 2 '--after is "1001"' "$tamga" member suspend softco --after 1001
expect 2 'times like 90s' "$tamga" member suspend softco --expires soon
expect 2 'times like 90s' "$tamga" member suspend softco --expires 0d
expect 2 '"bolt" is too much' "$tamga" member suspend softco bolt
expect 2 '--seat or --unseat?' "$tamga" member validator node-b
expect 2 '--standing is "gone"' "$tamga" propose member softco --standing gone
expect 2 'which parameter?' "$tamga" propose params
expect 2 '--block-bytes is "1"' "$tamga" propose params --block-bytes 1
expect 2 'new public key' "$tamga" member rotate-key newco
expect 2 'NAME?' "$tamga" member rotate-key --key x.pub
expect 2 "--to is for one's own key" "$tamga" member rotate-key newco --to x.pem --key x.pub
expect 2 '--at is "0"' "$tamga" member list --at 0
expect 2 'which ID?' "$tamga" approve
expect 2 'is no id' "$tamga" approve 12
expect 2 'needs --identity' "$tamga" approve $id
expect 2 '--reason TEXT is needed' "$tamga" withdraw $id
expect 2 'which release?' "$tamga" withdraw --reason x
expect 2 '--expires DATE is needed' "$tamga" permit $id --reason x
expect 2 'which model?' "$tamga" model register
expect 2 '--needed is "19"' "$tamga" model register acme/cam --needed 19
expect 2 '--to MEMBER is needed' "$tamga" delegate --model acme/cam
expect 2 'takes a delegation back whole' \
    "$tamga" delegate --model acme/cam --to softco --revoke --hardware A
expect 2 '--wait is "never"' "$tamga" member suspend softco --wait never
expect 2 '--timeout is "0"' "$tamga" --timeout 0 status
expect 2 'no node' "$tamga" status
expect 2 'no trust root' "$tamga" --node tcp://127.0.0.1:1 status
expect 2 'which IMAGE?' "$tamga" publish --model acme/cam --version 1
expect 2 '--version V is needed' "$tamga" publish x --model acme/cam
expect 0 'final (default)' "$tamga" publish --help
for wait in final mined accepted; do
    expect 2 'publishing needs --identity' \
        "$tamga" publish x --model acme/cam --version 1 --wait $wait
done
expect 2 '--wait is "never"' "$tamga" publish x --model acme/cam --version 1 --wait never
expect 2 '64 hex digits' "$tamga" publish x --model acme/cam --version 1 --republish 12
expect 2 '--expires is "2030-02-31"' \
    "$tamga" publish x --model acme/cam --version 1 --expires 2030-02-31
expect 2 'publishing needs --identity' "$tamga" publish x --model acme/cam --version 1
expect 2 'neither an id' "$tamga" show xyz
expect 2 '--chain is "other"' "$tamga" show 1 --chain other
expect 2 'which ID?' "$tamga" show
expect 2 'one ID at a time' "$tamga" show checkpoint 1 2
expect 2 '"xyz" is no height' "$tamga" show checkpoint xyz
expect 2 'no node' "$tamga" show checkpoint
expect 2 'which model?' "$tamga" latest
expect 2 'one model at a time' "$tamga" latest acme/cam acme/lock
expect 2 '"proof" is no command' "$tamga" proof
expect 2 'which FILE?' "$tamga" proof verify
expect 2 'one FILE at a time' "$tamga" proof verify a b
expect 2 'no trust root' "$tamga" proof verify a

# Goal: keys are private, complete, and never replaced.
for type in p256 rsa3072 ed25519 x25519; do
    expect 0 "$type" "$tamga" keygen --out $type.pem --type $type
    [ "$(stat -c %a $type.pem)" = 600 ] || fail "$type.pem has mode $(stat -c %a $type.pem)"
    [ -s $type.pem.pub ] || fail "$type.pem.pub is missing"
done
cp p256.pem before
expect 4 'never overwritten' "$tamga" keygen --out p256.pem
rm p256.pem.pub
expect 4 'never overwritten' "$tamga" keygen --out p256.pem
cmp -s before p256.pem || fail 'keygen replaced a key'
[ ! -e p256.pem.pub ] || fail 'keygen left half a pair'
touch lone.pem.pub
expect 4 'never overwritten' "$tamga" keygen --out lone.pem
[ ! -e lone.pem ] || fail 'keygen left half a pair'
expect 2 '--type is "rsa"' "$tamga" keygen --out x.pem --type rsa
expect 2 '--out FILE is needed' "$tamga" keygen
expect 4 'FILE_IO' "$tamga" keygen --out absent/x.pem
echo 'a secret' >pass
expect 4 'chmod 600' "$tamga" keygen --out x.pem --passphrase-file pass
chmod 600 pass
expect 0 '"type":"p256"' "$tamga" --json keygen --out x.pem --passphrase-file pass
grep -q 'ENCRYPTED' x.pem || fail 'x.pem is not encrypted'

# Goal: a network appears whole or not at all, and what is wrong is said with file and line.
cat >network.yaml <<'YAML'
network: test
members:
  - name: node-a
    roles: [consortium]
    rpc: tcp://127.0.0.1:7101
    gossip: tcp://127.0.0.1:7201
  - name: acme
    roles: [oem]
    public_key: rsa3072.pem.pub
  - name: bolt
    roles: [oem, provider]
    key_type: ed25519
  - name: gw-1
    roles: [gateway]
    rpc: tcp://127.0.0.1:7301
    gossip: tcp://127.0.0.1:7401
models:
  - producer: bolt
    model: pump
    hardware: [A, B]
  - {producer: acme, model: cam, providers: [bolt]}
consortium: {block_wait_ms: 500}
gateway: {validators: [gw-1]}
governance: {voters: [oem, consortium, provider], percent: 75}
YAML
expect 0 'network "test" with 4 members' "$tamga" network init --from network.yaml --out net/
for file in genesis.tamga members/bolt/key.pem members/bolt/genesis.tamga members/acme/key.pub \
    members/node-a/consortium.yaml members/gw-1/gateway.yaml; do
    [ -s net/$file ] || fail "net/$file is missing"
done
[ ! -e net/members/acme/key.pem ] || fail 'a key was made for a member that brought its own'
[ "$(stat -c %a net/members/bolt/key.pem)" = 600 ] || fail 'key.pem is not private'
cmp -s rsa3072.pem.pub net/members/acme/key.pub || fail 'acme has another key'
cp net/genesis.tamga before
expect 2 'exists already, and is not empty' "$tamga" network init --from network.yaml --out net
cmp -s before net/genesis.tamga || fail 'network init changed a network'
mkdir empty
expect 0 '"networkId":"' "$tamga" --json network init --from network.yaml --out empty
expect 2 'exists, and is no folder' "$tamga" network init --from network.yaml --out pass
expect 4 'FILE_IO' "$tamga" network init --from network.yaml --out absent/net
expect 4 'FILE_IO' "$tamga" network init --from absent.yaml --out other

expect 2 'is no address' "$tamga" --node 127.0.0.1:1 --genesis net/genesis.tamga status
expect 3 'UNREACHABLE' "$tamga" --node tcp://127.0.0.1:1 --genesis net/genesis.tamga \
    --timeout 1 status

# Goal: those validators are in genesis whom network.yaml names, in order, else all gateways.
# Method: count the places that a name has there: a member, and perhaps a validator.
places() {
    grep -ao "$1" "$2/genesis.tamga" | wc -l
}
sed '/^models:/,$d' network.yaml >all.yaml
for name in gw-3 gw-2; do
    cat >>all.yaml <<YAML
  - {name: $name, roles: [gateway], rpc: 'tcp://$name:7301', gossip: 'tcp://$name:7401'}
YAML
done
expect 0 'with 6 members' "$tamga" network init --from all.yaml --out all
[ "$(places node-a all)$(places gw-1 all)$(places gw-2 all)$(places gw-3 all)" = 2222 ] ||
    fail 'not all gateways are validators'
sed '$a gateway: {validators: [gw-3, gw-1]}' all.yaml >some.yaml
expect 0 'with 6 members' "$tamga" network init --from some.yaml --out some
[ "$(places gw-1 some)$(places gw-2 some)$(places gw-3 some)" = 212 ] ||
    fail 'other gateways are validators'

# Goal: every member gets a certificate of the network's CA, keys stay private, and nodes whose
#       addresses are all of TLS are told to use them.
for file in ca/ca.key members/acme/tls.key; do
    [ "$(stat -c %a "all/$file")" = 600 ] || fail "$file is not private"
done
for file in ca/ca.crt ca/ca.crl members/acme/tls.crt members/acme/ca.crt members/acme/ca.crl; do
    [ -s "all/$file" ] || fail "no $file"
done
grep -qx 'insecure: true # plain tcp' all/members/node-a/consortium.yaml ||
    fail 'a plain node does not say so'
sed 's|tcp://|tls+tcp://|g' all.yaml >tls.yaml
expect 0 'with 6 members' "$tamga" network init --from tls.yaml --out tls
grep -q '^tls: {ca: ca.crt' tls/members/node-a/consortium.yaml || fail 'no tls section'
grep -q insecure tls/members/node-a/consortium.yaml && fail 'tls and insecure'

# Goal: tls+tcp:// takes the identity's certificates, or those of --tls; without any, with some
#       of another network, and with broken ones it says so before anything is sent.
tls() {
    code=$1 text=$2
    shift 2
    expect "$code" "$text" "$tamga" --node tls+tcp://127.0.0.1:1 --timeout 1 "$@" status
}
tls 2 'tls+tcp:// needs certificates: name' --genesis tls/genesis.tamga
tls 2 'tls+tcp:// needs certificates: there is no tls/ca/tls.crt' --genesis tls/genesis.tamga \
    --tls tls/ca
tls 1 'all/members/bolt/tls.crt is for another network' --genesis tls/genesis.tamga \
    --tls all/members/bolt
tls 3 'UNREACHABLE' --identity tls/members/bolt
tls 3 'UNREACHABLE' --genesis tls/genesis.tamga --tls tls/members/gw-1
TAMGA_TLS=tls/members/gw-1 tls 3 'UNREACHABLE' --genesis tls/genesis.tamga
mkdir broken
cp -p tls/members/bolt/* broken
cp all/members/bolt/ca.crl broken
tls 1 'LINK_CRL' --identity broken
cp -p all/members/bolt/tls.key tls/members/bolt/ca.crl broken
tls 4 "is not the certificate's key" --identity broken
rm broken/tls.key
tls 4 'KEY_FILE' --identity broken
expect 2 'is no address' "$tamga" --node tls://127.0.0.1:1 --genesis tls/genesis.tamga status

# bad LINE TEXT SED: network.yaml changed by sed is refused at that line
bad() {
    sed "$3" network.yaml >bad.yaml
    expect 2 "bad.yaml:$1: $2" "$tamga" network init --from bad.yaml --out bad
    [ ! -e bad ] || fail "bad was made: $3"
}
bad 3 '"Node" is no name' 's/node-a/Node/'
bad 4 'roles is "miner"' 's/\[consortium\]/[miner]/'
bad 5 'unknown key "rcp"' 's/rpc: tcp:..127.0.0.1:7101/rcp: x/'
bad 5 'rpc: "127.0.0.1:7101" is no address' 's/rpc: tcp:..127.0.0.1:7101/rpc: 127.0.0.1:7101/'
bad 3 'member node-a is a node and needs rpc' '/7101/d'
bad 10 'member acme is here twice' 's/bolt$/acme/;s/producer: bolt/producer: acme/'
bad 12 'key_type is "dsa"' 's/ed25519/dsa/'
bad 14 'member gw-1: a gateway can have no other role' 's/\[gateway\]/[gateway, oem]/'
bad 18 'no member "bold" has the role oem' 's/producer: bolt/producer: bold/'
bad 20 'revision A is here twice' 's/\[A, B\]/[A, A]/'
bad 21 'no member "node-a" has the role provider' 's/providers: \[bolt\]/providers: [node-a]/'
bad 22 'block_wait_ms is "soon"' 's/block_wait_ms: 500/block_wait_ms: soon/'
bad 22 'target_limit "00000000"' 's/block_wait_ms: 500/target_limit: "00000000"/'
bad 22 'consortium block_bytes_max must be' 's/block_wait_ms: 500/block_bytes_max: 1/'
bad 22 'unknown key "validators"' 's/block_wait_ms: 500/validators: [node-a]/'
bad 23 'no member "node-a" has the role gateway' 's/\[gw-1\]/[node-a]/'
bad 23 'validator gw-1 is here twice' 's/\[gw-1\]/[gw-1, gw-1]/'
bad 23 'validators' 's/\[gw-1\]/[]/'
bad 24 'percent is 50' 's/percent: 75/percent: 50/'
bad 24 'voters is "boss"' 's/consortium, provider\]/consortium, boss]/'
bad 24 'unknown key "quorum"' 's/percent: 75/quorum: 75/'
bad 3 'no member has the role consortium' 's/\[consortium\]/[oem]/'
sed 's/rsa3072.pem.pub/absent.pub/' network.yaml >bad.yaml
expect 4 'KEY_FILE' "$tamga" network init --from bad.yaml --out bad
ls -d ./*.tmp-* 2>/dev/null && fail 'a temporary folder was left'

# Goal: only the OEM enrols its devices, of models and revisions that there are.
bolt=net/members/bolt
expect 0 'bolt/pump/0001' "$tamga" --identity $bolt device enroll bolt/pump/0001 --out dev \
    --hardware A --gateway tcp://127.0.0.1:7301,tcp://127.0.0.1:7302
for file in device.pem device.pub certificate.tamga genesis.tamga device.yaml; do
    [ -s dev/$file ] || fail "dev/$file is missing"
done
[ "$(stat -c %a dev/device.pem)" = 600 ] || fail 'device.pem is not private'
grep -q '^device: bolt/pump/0001$' dev/device.yaml || fail 'device.yaml names another device'
grep -qx 'insecure: true # plain tcp' dev/device.yaml || fail 'a plain device does not say so'
cmp -s dev/ca.crt $bolt/ca.crt || fail 'the device trusts another CA'
cmp -s dev/genesis.tamga net/genesis.tamga || fail 'the device has another genesis'
# A device's own key for encrypted images, or a copy of its model's.
[ ! -e dev/decryption.pem ] || fail 'a decryption key nobody asked for'
expect 0 'decrypts as' "$tamga" --identity $bolt device enroll bolt/pump/0002 --out dev2 \
    --decryption-key new
[ "$(stat -c %a dev2/decryption.pem)" = 600 ] || fail 'decryption.pem is not private'
[ -s dev2/decryption.pub ] || fail 'dev2/decryption.pub is missing'
grep -qx 'decryption_key: decryption.pem' dev2/device.yaml || fail 'no decryption_key'
expect 0 'decrypts as' "$tamga" --identity $bolt device enroll bolt/pump/0003 --out dev3 \
    --decryption-key x25519.pem
cmp -s x25519.pem.pub dev3/decryption.pub || fail 'dev3 has another key than its model'

# Of tls+tcp:// gateways it trusts the CA of its OEM, and shows its own key.
expect 0 'bolt/pump/0004' "$tamga" --identity $bolt device enroll bolt/pump/0004 --out dev4 \
    --gateway tls+tcp://127.0.0.1:7301
cmp -s dev4/ca.crl $bolt/ca.crl || fail 'the device has another list'
grep -qx 'tls: {ca: ca.crt, crl: ca.crl} # shows its own key' dev4/device.yaml || fail 'no tls'
grep -q insecure dev4/device.yaml && fail 'tls and insecure'
mkdir noca
cp -p $bolt/key.pem $bolt/genesis.tamga noca
expect 0 'bolt/pump/0005' "$tamga" --identity noca device enroll bolt/pump/0005 --out dev5
grep -q tls dev5/device.yaml && fail 'a CA nobody gave'
expect 0 'bolt/pump/0006' "$tamga" --identity noca --tls $bolt device enroll bolt/pump/0006 \
    --out dev6 --gateway tls+tcp://127.0.0.1:7301
cp -p $bolt/ca.crt noca/ca.crl

enroll() {
    code=$1 text=$2
    shift 2
    expect "$code" "$text" "$tamga" device enroll --out refused "$@"
    [ ! -e refused ] || fail "refused was made: $*"
}
expect 2 'exists already' "$tamga" --identity $bolt device enroll bolt/pump/0001 --out dev
enroll 2 'no device: P/M/N' --identity $bolt bolt/pump
enroll 2 'no device: P/M/N' --identity $bolt 'bolt/pump/a b'
enroll 2 "OEM's --identity" bolt/pump/0001
enroll 1 'ISSUER_NOT_OEM' --identity $bolt acme/cam/0001
enroll 1 'ISSUER_NOT_OEM' --identity net/members/gw-1 bolt/pump/0001
enroll 1 'NOT_MEMBER' --identity $bolt --genesis empty/genesis.tamga bolt/pump/0001
enroll 1 'UNKNOWN_MODEL' --identity $bolt bolt/none/0001
enroll 1 'UNKNOWN_HARDWARE' --identity $bolt bolt/pump/0001 --hardware C
enroll 1 'CERTIFICATE_EXPIRED' --identity $bolt bolt/pump/0001 --expires 2020-01-01
enroll 2 "need the network's CA: there is no noca/ca.crt" --identity noca bolt/pump/0001 \
    --gateway tls+tcp://127.0.0.1:7301
cp -p $bolt/ca.crt noca/ca.crt
enroll 1 'LINK_CRL' --identity noca bolt/pump/0001
enroll 4 'not an X25519 key' --identity $bolt bolt/pump/0001 --decryption-key p256.pem
enroll 4 'KEY_FILE' --identity $bolt bolt/pump/0001 --decryption-key absent.pem
enroll 2 'is no address' --identity $bolt bolt/pump/0001 --gateway here
enroll 4 'KEY_FILE' --identity net/members/acme acme/cam/0001

# Goal: publish refuses by what the identity may, before any node is asked.
printf 'hello\n' >image
publish() {
    code=$1 text=$2
    shift 2
    expect "$code" "$text" "$tamga" --node tcp://127.0.0.1:1 --timeout 1 publish image \
        --version 1 "$@"
}
publish 2 'no model: P/M' --identity $bolt --model 'bolt pump'
publish 2 'no model: P/M' --identity $bolt --model BOLT/pump
publish 1 'UNKNOWN_MODEL' --identity $bolt --model bolt/none
publish 1 'NOT_PRODUCER' --identity net/members/node-a --model bolt/pump
publish 1 'GATEWAY_SENDER' --identity net/members/gw-1 --model bolt/pump
publish 3 'UNREACHABLE' --identity $bolt --model bolt/pump

# Goal: latest asks for a model that there may be; a proof is read from bytes or strict JSON.
latest() {
    code=$1 text=$2
    shift 2
    expect "$code" "$text" "$tamga" --node tcp://127.0.0.1:1 --genesis net/genesis.tamga \
        --timeout 1 latest "$@"
}
latest 2 'no model: P/M' bolt
latest 3 'UNREACHABLE' bolt/pump --proof-out proof
[ ! -e proof ] || fail 'latest left a file without a proof'
# verify CODE TEXT BYTES: what a file with these bytes is told
verify() {
    printf '%s' "$3" >proof
    expect "$1" "$2" "$tamga" proof verify proof --trust net/genesis.tamga
}
expect 4 'FILE_IO' "$tamga" proof verify absent --trust net/genesis.tamga
expect 4 'FILE_IO' "$tamga" proof verify image --trust absent
head -c 2097153 /dev/zero >large
expect 1 'more than 2097152 bytes' "$tamga" proof verify large --trust net/genesis.tamga
head -c 1048577 /dev/zero >large
expect 1 'at most 1048576' "$tamga" proof verify large --trust net/genesis.tamga
verify 1 'MISSING_FIELD' ''
verify 1 'UNKNOWN_FIELD' 'x'
for json in '{' '{}' '{"proof":1}' '{"proof":"AAAA"' '{"proof":"AAAA' '{"proof"' '{"proof":' \
    '{"proof":"AAAA","proof":"AAAA"}' '{"release":{"proof":"AAAA"}}' '{"a":"proof","b":"AAAA"}' \
    '{"proof":"AAAA"}}' '{"proof":"AAAA\"}' '{"proof":"AAAA"}{"proof":"AAAA"}'; do
    verify 1 'without exactly one member' "$json"
done
for base64 in A AA AAA AAAAA AAA- 'AA A' '=AAA' 'A===' 'AA=A' 'AB==' 'AAB=' 'AA==AAAA'; do
    verify 1 'is not base64' "{\"proof\":\"$base64\"}"
done
verify 1 'MISSING_FIELD' '{"proof":""}'
verify 1 'which model is it about?' '{"a":"\"proof\":", "proof" : "CgA="}'

# Goal: CIDs are those of `ipfs add`.
expect 0 QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN "$tamga" cid image
expect 0 bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am \
    "$tamga" cid --cid-version 1 image
expect 0 '"imageBytes":"6"' "$tamga" --json cid image
expect 2 '--chunk-bytes is "0"' "$tamga" cid --chunk-bytes 0 image
expect 4 'FILE_IO' "$tamga" cid absent
: >nothing
expect 1 'IMAGE_LENGTH' "$tamga" cid nothing
expect 4 'FILE_IO' sh -c "\"$tamga\" cid image >/dev/full"

exit $failed
