# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# The arguments of the commands that img itself looks at, as docker's command line takes them (github.com/spf13/pflag), and
# what is said of those that are wrong.

# What an option is, by the command's help: "LETTER NAME TYPE", with - for no letter; its type is empty where it takes no value.
options_of() { # options_of COMMAND
    help_of "$1" | sed -n 's/^  \(-\(.\), \|    \)--\([a-z-]*\)\( \(string\|list\|filter\|int\)\)\{0,1\} .*/\2 \3 \5/p' |
        sed 's/^ /- /'
}

# The help of a command, without its heading.
help_of() { # help_of COMMAND
    awk -v wanted="$1" '/^== / { found = $2 == wanted; next } found { line[++n] = $0 }
        END { while (n && line[n] == "") n--; for (i = 1; i <= n; i++) print line[i] }' "$parts/commands"
}

# usage_error STATUS SENTENCE: in docker's words, with where to read on.
usage_error() {
    status=$1
    shift
    printf "%s\n\nRun 'img %s--help' for more information\n" "$*" "${command:+$command }" >&2
    exit "$status"
}

bad_flag() {
    usage_error 125 "$*"
}

wrong_count() { # wrong_count WORDS: "requires at least 1 argument"
    usage_error 1 "img: 'img $command' $*"
}

# The option that a name or a letter means: sets $option and $type.
find_option() { # find_option NAME LETTER
    option=
    while read -r letter name type; do
        [ "$name" = "$1" ] || { [ "$letter" = "$2" ] && [ "$2" != - ]; } || continue
        option=$name
        return
    done <<EOF
$known
EOF
    return 1
}

set_option() { # set_option VALUE: of $option
    case $type:$1 in
    :1 | :t | :T | :true | :TRUE | :True) value=1 ;;
    :0 | :f | :F | :false | :FALSE | :False) value= ;;
    :*)
        find_option "$option" -
        [ "$letter" = - ] && letter= || letter="-$letter, "
        bad_flag "invalid argument \"$1\" for \"$letter--$option\" flag: strconv.ParseBool: parsing \"$1\": invalid syntax"
        ;;
    *) value=$1 ;;
    esac
    case $option in
    change | filter) passed=$passed$(quoted "--$option" "$value") ;;
    *) eval "opt_$(printf '%s' "$option" | tr - _)=\$value" ;;
    esac
}

# A bundle of letters. Sets $shift to 1 where the value is the next argument.
short_options() { # short_options -BUNDLE [NEXT]
    rest=${1#-}
    while [ -n "$rest" ]; do
        bundle=$rest
        rest=${bundle#?}
        find_option "" "${bundle%"$rest"}" || bad_flag "unknown shorthand flag: '${bundle%"$rest"}' in -$bundle"
        case $type:$rest in
        *:=*) set_option "${rest#=}" && return ;;
        :*) set_option true ;;
        *:?*) set_option "$rest" && return ;;
        *)
            [ $# -gt 1 ] || bad_flag "flag needs an argument: '$bundle' in -$bundle"
            shift=1
            set_option "$2"
            ;;
        esac
    done
}

long_option() { # long_option --NAME[=VALUE] [NEXT]
    name_wanted=${1#--}
    case $name_wanted in [-=]*) bad_flag "bad flag syntax: $1" ;; esac
    find_option "${name_wanted%%=*}" - || bad_flag "unknown flag: --${name_wanted%%=*}"
    case $type:$1 in
    *=*) set_option "${1#*=}" ;;
    :*) set_option true ;;
    *)
        [ $# -gt 1 ] || bad_flag "flag needs an argument: $1"
        shift=1
        set_option "$2"
        ;;
    esac
}

# Sets opt_NAME of each option that is given, and $operands to the other arguments, for eval; $passed has those that may be
# given several times.
parse_options() {
    known=$(options_of "$command")
    operands=
    passed=
    # shellcheck disable=SC2034,SC2154 # set by name
    for option in $(printf '%s\n' "$known" | cut -d' ' -f2 | tr - _); do eval "opt_$option="; done
    while [ $# -gt 0 ]; do
        shift=0
        case $1 in
        --)
            shift
            operands=$operands$(shell_quoted "$@")
            return
            ;;
        --?*) long_option "$@" ;;
        -?*) short_options "$@" ;;
        *) operands=$operands$(shell_quoted "$1") ;;
        esac
        shift $((shift + 1))
    done
}

shell_quoted() {
    for word; do printf "'%s' " "$(printf '%s\n' "$word" | sed "s/'/'\\\\''/g")"; done
}

# What is left of arguments after eval "set -- $operands": at least MIN of them, at most MAX.
check_count() { # check_count MIN MAX COUNT
    [ "$3" -lt "$1" ] || [ "$3" -gt "$2" ] || return 0
    [ "$1" != 1 ] && s=s || s=
    if [ "$2" = 0 ]; then
        wrong_count "accepts no arguments"
    elif [ "$1" = "$2" ]; then
        wrong_count "requires $1 argument$s"
    elif [ "$3" -lt "$1" ]; then
        wrong_count "requires at least $1 argument$s"
    fi
    [ "$2" != 1 ] && s=s || s=
    wrong_count "requires at most $2 argument$s"
}
