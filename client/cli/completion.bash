# bash completion of tamga(1). Knows the commands and their options, nothing of a network.

_tamga_options() {
    local global="--node --identity --tls --genesis --passphrase-file --json --timeout --quiet --help"
    case "$1" in
    keygen) echo "--out --type --from $global" ;;
    network) echo "--from --out $global" ;;
    publish)
        echo "--model --version --counter --hardware --depends --expires --first-install" \
             "--urgent --republish --encrypt-to --wait $global" ;;
    releases) echo "--model $global" ;;
    latest) echo "--proof-out $global" ;;
    proof) echo "--trust --model $global" ;;
    show) echo "--chain $global" ;;
    member | propose)
        echo "--role --key --validator --seat --unseat --standing --revoke-key --to" \
             "--to-passphrase-file --entry-age --block-entries --block-bytes --after --reason" \
             "--expires --at --all --wait $global" ;;
    proposals | list) echo "--open $global" ;;
    approve) echo "--wait $global" ;;
    model) echo "--hardware --signer --needed --countersign --wait $global" ;;
    delegate) echo "--model --to --hardware --until --revoke --wait $global" ;;
    withdraw) echo "--reason --wait $global" ;;
    permit) echo "--reason --expires --device --wait $global" ;;
    device) echo "--out --hardware --gateway --type --expires --key --decryption-key $global" ;;
    cid) echo "--cid-version --chunk-bytes $global" ;;
    *) echo "$global --version" ;;
    esac
}

_tamga() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= sub= word i
    local commands="keygen network publish withdraw permit model delegate member propose proposals
        list approve releases latest proof show status device history cid"

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $command && -z $sub && $word != -* ]]; then
            sub=$word
        elif [[ -z $command && " $commands " == *" $word "* ]]; then
            command=$word
        fi
    done
    COMPREPLY=()
    case "$prev" in
    --identity | --tls) COMPREPLY=($(compgen -d -- "$cur")); return ;;
    --genesis | --passphrase-file | --from | --out | --proof-out | --trust | --encrypt-to | --decryption-key) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --type) COMPREPLY=($(compgen -W "p256 rsa3072 ed25519 x25519" -- "$cur")); return ;;
    --wait) COMPREPLY=($(compgen -W "final mined accepted" -- "$cur")); return ;;
    --chain) COMPREPLY=($(compgen -W "consortium gateway" -- "$cur")); return ;;
    --cid-version) COMPREPLY=($(compgen -W "0 1" -- "$cur")); return ;;
    --node | --timeout | --model | --version | --counter | --hardware | --depends | --expires | \
        --republish | --gateway | --chunk-bytes) return ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_tamga_options "$command")" -- "$cur"))
    elif [[ -z $command ]]; then
        COMPREPLY=($(compgen -W "$commands" -- "$cur"))
    elif [[ $command == network && -z $sub ]]; then
        COMPREPLY=($(compgen -W "init" -- "$cur"))
    elif [[ $command == member && -z $sub ]]; then
        COMPREPLY=($(compgen -W "list add roles suspend reinstate remove revoke rotate-key validator" \
            -- "$cur"))
    elif [[ $command == propose && -z $sub ]]; then
        COMPREPLY=($(compgen -W "member params" -- "$cur"))
    elif [[ $command == model && -z $sub ]]; then
        COMPREPLY=($(compgen -W "register show" -- "$cur"))
    elif [[ $command == device && -z $sub ]]; then
        COMPREPLY=($(compgen -W "enroll" -- "$cur"))
    elif [[ $command == proof && -z $sub ]]; then
        COMPREPLY=($(compgen -W "verify" -- "$cur"))
    elif [[ $command == show && -z $sub ]]; then
        COMPREPLY=($(compgen -W "checkpoint" -- "$cur"))
    elif [[ $command == publish || $command == cid || $command == proof ]]; then
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}
complete -F _tamga tamga
