# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What may stand at a place of the command line, one a line; the completions of the shells call `img --complete COMMAND WORD
# [WORD BEFORE]`. A line with one slash alone says that it is the name of a file.

local_names() {
    sed 1d "$mnt/ctl/images" | while read -r repository tag _; do
        [ "$repository" = "<none>" ] || [ "$tag" = "<none>" ] || printf '%s:%s\n' "$repository" "$tag"
    done
}

options_of_word() {
    options_of "$1" | while read -r letter name _; do
        [ "$letter" = - ] || printf '%s\n' "-$letter"
        printf '%s\n' "--$name"
    done
    printf '%s\n' --help
}

# Below `image` and `system` commands have other names.
subcommands() {
    case $1 in
    image) printf '%s\n' "$of_image" | tr ' ' '\n' ;;
    system) printf '%s\n' "$of_system" | tr ' ' '\n' ;;
    manifest) printf '%s\n' inspect ;;
    help) printf '%s\n' "$commands" | tr ' ' '\n' ;;
    esac
}

# The value of the option in front of a word: fails where that is none, or takes no value.
candidates_of_option() { # candidates_of_option COMMAND BEFORE
    case $2 in
    -?) find_option "" "${2#-}" ;;
    --*) find_option "${2#--}" - ;;
    *) return 1 ;;
    esac || return 1
    [ -n "$type" ] || return 1
    case $1:$option in
    *:output | *:input | *:key) echo / ;;
    *:platform) printf '%s\n' linux/386 linux/amd64 linux/arm/v6 linux/arm/v7 linux/arm64 linux/ppc64le linux/riscv64 linux/s390x ;;
    images:format | search:format | history:format | df:format) printf '%s\n' json table ;;
    inspect:format) echo json ;;
    inspect:type) echo image ;;
    images:filter) printf '%s\n' before= dangling=false dangling=true label= reference= since= until= ;;
    search:filter) printf '%s\n' is-official=true stars= ;;
    prune:filter) printf '%s\n' label= until= ;;
    esac
}

tags_at_registry() { # tags_at_registry NAME:…
    sed "s|^|${1%:*}:|" "$mnt/images/${1%:*}/.tags" 2>/dev/null
}

candidates() { # candidates COMMAND WORD [BEFORE]
    case $1 in ls | list) set -- images "$2" "${3:-}" ;; rm | remove) set -- rmi "$2" "${3:-}" ;; esac
    [ -n "$1" ] || {
        printf '%s\n' "$commands" image system | tr ' ' '\n'
        return
    }
    known=$(options_of "$1")
    candidates_of_option "$1" "${3:-}" && return
    case $2 in -*) options_of_word "$1" && return ;; esac
    case $1:${3:-} in image:* | system:* | help:* | manifest:manifest) subcommands "$1" && return ;; esac
    case $1 in
    import | umount) echo / ;;
    load | df | prune | events | jobs) ;;
    login | logout) mnt=$(find_mount) && local_names | sed -n 's|^\([^/]*[.:][^/]*\)/.*|\1|p' | sort -u ;;
    pull | manifest | verify | index)
        mnt=$(find_mount) || return
        case ${2##*/} in
        *:*) tags_at_registry "$2" ;;
        *) local_names ;;
        esac
        ;;
    mount) mnt=$(find_mount) && local_names && echo / ;;
    *) mnt=$(find_mount) && local_names ;;
    esac
}
