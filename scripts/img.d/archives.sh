# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # opt_NAME are set by parse_options
# The commands that read or write an archive.

# docker does not write over what is no file; here it would be replaced by one.
check_output() {
    [ ! -d "$1" ] || die "failed to save image: cannot write to a directory"
    [ -d "$(dirname "$1")" ] ||
        die "failed to save image: invalid output path: stat $(dirname "$1"): no such file or directory"
    [ ! -e "$1" ] || [ -f "$1" ] || die "invalid output path: \"$1\" must be a regular file"
}

refuse_terminal() {
    [ -n "$opt_output" ] || [ ! -t 1 ] ||
        die "cowardly refusing to save to a terminal. Use the -o flag or redirect"
}

# A file of the mount, to standard output or to a file, which is there when it is whole.
copy_out() { # copy_out FILE
    [ -n "$opt_output" ] || exec cat "$1"
    check_output "$opt_output"
    part=$opt_output.part.$$
    trap 'rm -f "$part"' EXIT
    trap 'exit 130' INT TERM
    (umask 077 && cat "$1" >"$part") && mv "$part" "$opt_output" || exit 1
    trap - EXIT
}

save() {
    parse_options "$@"
    eval "set -- $operands"
    [ $# -gt 0 ] || wrong_count "requires at least 1 argument"
    refuse_terminal
    [ -z "$opt_output" ] || check_output "$opt_output"
    set_line ${opt_platform:+--platform "$opt_platform"} ${opt_index:+--index} -- "$@"
    name=$(ask save "$line") || exit
    copy_out "$mnt/ctl/$name"
}

export_image() {
    parse_options "$@"
    eval "set -- $operands"
    check_count 1 1 $#
    refuse_terminal
    path=$(image_path "$1") || exit 1
    copy_out "$path/export/rootfs.tar"
}

load() {
    parse_options "$@"
    eval "set -- $operands"
    check_count 0 0 $#
    set_line ${opt_quiet:+-q} ${opt_platform:+--platform "$opt_platform"} ${opt_input:+-i "$(absolute "$opt_input")"}
    if [ -n "$opt_input" ]; then
        transfer load "$line"
    else
        [ ! -t 0 ] || die "requested load from stdin, but stdin is empty"
        [ "$line" != -- ] || line=
        stream load "$line"
    fi
}

# import [OPTIONS] FILE|- [REPOSITORY[:TAG]]: the file's path is made absolute, `-` is standard input.
import() {
    parse_options "$@"
    eval "set -- $operands"
    [ $# -gt 0 ] || wrong_count "requires at least 1 argument"
    file=$1
    [ "$file" = - ] || file=$(absolute "$file")
    set_line ${opt_message:+-m "$opt_message"} ${opt_platform:+--platform "$opt_platform"} -- "$file" ${2:+"$2"}
    if [ "$file" = - ]; then
        stream import "$passed$line"
    else
        case $file in *://*) ;; *) [ -e "$file" ] || die "open $1: no such file or directory" ;; esac
        ask import "$passed$line"
    fi
}
