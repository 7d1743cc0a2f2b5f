# SPDX-License-Identifier: MIT
# bash completion of img: commands, options and their values, the tags of the store and, behind `img pull NAME:`, those of the
# registry. `img --complete` knows what may stand at a place; a slash alone stands for the names of files.
# shellcheck shell=bash

_img() {
    local word before command line=${COMP_LINE:0:COMP_POINT}
    local -a words found
    read -ra words <<<"$line"
    word=${line##*[[:space:]]} # with its colons, at which bash breaks words
    [[ -z $word ]] || unset 'words[-1]'
    before=${words[-1]}
    command=${words[1]:-}
    [[ $command != @(image|system) || -z ${words[2]:-} ]] || command=${words[2]}
    mapfile -t found < <(img --complete "$command" "$word" "$before" 2>/dev/null)
    mapfile -t COMPREPLY < <(compgen -W "${found[*]/#\//}" -- "$word")
    [[ " ${found[*]} " != *" / "* ]] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
    # What stands in front of the last colon is not part of the word that bash replaces.
    if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%:*}:"}")
    fi
}
complete -o default -F _img img
