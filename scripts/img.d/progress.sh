# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# How far a request is, while it is under way: on a terminal a block of lines that is drawn again and again, one for each blob,
# with a bar; in a pipe the lines of the answer as they come. What is shown comes from ctl/jobs?TOKEN; the answer itself
# comes at the end, and only what was not shown of it is printed then.

# As ask, and shows how far it is.
transfer() { # transfer VERB LINE
    token=img.$$
    answer=$(mktemp) || exit 1
    open_verb "$1"
    { printf '%s\n' "--porcelain=$token $2" 2>/dev/null >&3 || :; cat <&3 >"$answer"; } &
    worker=$!
    shown=0
    trap 'interrupted' INT TERM
    if [ -t 1 ]; then
        draw_until_done
    else
        print_until_done
    fi
    wait "$worker" 2>/dev/null
    trap - INT TERM
    text=$(cat "$answer")
    rm -f "$answer"
    tell_rest "$text"
}

interrupted() {
    kill "$worker" 2>/dev/null
    wait "$worker" 2>/dev/null
    rm -f "$answer"
    exit 130
}

watched() { cat "$mnt/ctl/jobs?$token $1" 2>/dev/null; }

print_until_done() {
    while kill -0 "$worker" 2>/dev/null; do
        lines=$(watched "$shown" | sed -n 's/^line //p')
        if [ -n "$lines" ]; then
            printf '%s\n' "$lines"
            shown=$((shown + $(printf '%s\n' "$lines" | wc -l)))
        fi
        sleep 0.2
    done
}

draw_until_done() {
    while kill -0 "$worker" 2>/dev/null; do
        state=$(watched 0)
        [ -z "$state" ] || draw "$state"
        sleep 0.2
    done
    # The answer's own lines take the place of the block, which so becomes what is left on the terminal.
    draw "$(sed -n 's/^out /line /p' "$answer")" whole
    shown=$(grep -c '^out ' "$answer")
}

tell_rest() { # tell_rest ANSWER: without the lines that were shown
    tell "$(printf '%s\n' "$1" | awk -v shown="$shown" '/^out / && n++ < shown { next } { print }')"
}

# draw STATE [whole]: over what was drawn before, of which $drawn is the number of lines. Lines with one ID are one line, the
# last of them; of a blob that is under way its bar. No line is wider than the terminal, so that each takes one row.
drawn=0
draw() {
    { size=$(stty size 2>/dev/null <&4); } 4<&1
    # shellcheck disable=SC2086 # two numbers
    set -- "$1" "${2:-}" $size
    block=$(printf '%s\n' "$1" | awk -v whole="$2" -v rows="${3:-24}" -v columns="${4:-80}" '
        function size(n) {
            return n < 1000 ? n "B" : n < 1e6 ? sprintf("%.4gkB", n / 1e3) : n < 1e9 ? sprintf("%.4gMB", n / 1e6) : sprintf("%.4gGB", n / 1e9)
        }
        function bar(done, total, tail, width, full) {
            tail = columns < 60 ? sprintf(" %3d%%", 100 * done / total) : " " size(done) "/" size(total)
            width = columns - 1 - 14 - length(tail) - 2
            if (width > 50) width = 50
            if (width < 4) return tail
            full = int(width * done / total)
            return sprintf("[%s%s%*s]%s", substr(equals, 1, full), full < width ? ">" : "", full < width ? width - full - 1 : 0, "", tail)
        }
        BEGIN { equals = "=================================================="; }
        $1 == "line" {
            text = substr($0, 6)
            id = $2 ~ /^[0-9a-f]+:$/ && length($2) == 13 ? substr($2, 1, 12) : ""
            if (id == "") { at[++n] = text; next }
            if (!(id in row)) row[id] = ++n
            at[row[id]] = text
        }
        $1 == "blob" && $4 > 0 && $2 in row && at[row[$2]] ~ /: (Pulling fs layer|Preparing|Waiting)$/ { at[row[$2]] = $2 ": " bar($3, $4) }
        $1 == "blob" && !($2 in row) && $4 > 0 && $3 < $4 { row[$2] = ++n; at[n] = $2 ": " bar($3, $4) }
        END {
            first = whole == "" && n > rows - 1 ? n - rows + 2 : 1
            for (i = first; i <= n; i++) print whole == "" ? substr(at[i], 1, columns - 1) : at[i]
        }')
    if [ "$drawn" != 0 ]; then
        printf '\033[%dA' "$drawn"
        [ -z "$block" ] || printf '%s\n' "$block" | sed "s/\$/$(printf '\033')[K/"
        printf '\033[J'
    elif [ -n "$block" ]; then
        printf '%s\n' "$block"
    fi
    drawn=0
    [ -z "$block" ] || drawn=$(printf '%s\n' "$block" | wc -l)
}
