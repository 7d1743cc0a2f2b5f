# SPDX-License-Identifier: MIT
# bash completion of img: the tags of the store and, behind `img pull NAME:`, those of the registry.
# shellcheck shell=bash

_img() {
    local word command=${COMP_WORDS[1]:-} line=${COMP_LINE:0:COMP_POINT}
    ((COMP_CWORD > 1)) || command=
    [[ $command != @(image|system) ]] || ((COMP_CWORD < 3)) || command=${COMP_WORDS[2]}
    word=${line##*[[:space:]]} # with its colons, at which bash breaks words
    case $command:$word in
    save:-* | load:-* | import:-*) COMPREPLY=() ;;
    load:* | import:*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$(img --complete "$command" "$word" 2>/dev/null)" -- "$word") ;;
    esac
    # What stands in front of the last colon is not part of the word that bash replaces.
    if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%:*}:"}")
    fi
}
complete -o default -F _img img
