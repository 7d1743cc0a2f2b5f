#!/bin/bash
# SPDX-License-Identifier: MIT
# ctl/diff and img diff: what one image has otherwise than another, and what is read for that.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
TOP=$(cd "$HERE/.." && pwd)
IMAGEFS_MOUNT=$M
mkdir "$T/bin"
ln -s "$TOP/scripts/img" "$T/bin/img"
PATH=$T/bin:$PATH
build "
import random
noise = random.Random(39)
registry = Registry(R)
def push(name, tag, *layers, **more): registry.push(name, tag, Image([Layer(l) for l in layers], **more))

# Every kind of change, and what is none, over a layer that both have.
big = noise.randbytes(3 << 20)
common = [d('same'), f('same/big', big), f('same/small', 'x'), f('gone-by-whiteout', 'g' * 50), f('moved/x', 'm'), d('moved')]
a = [d('k'), f('k/content', 'one'), f('k/longer', 'one'), f('k/mode', 'm'), f('k/owner', 'o'), f('k/times', 't'),
     f('k/xattrs', 'x', xattrs={'user.a': 'one'}), s('k/link', 'here'), c('k/device', 1, 3), d('k/to-file'), f('k/to-file/in', 'i'),
     f('k/to-dir', 'f'), f('k/gone', 'g' * 1000), f('k/empty', ''), f('k/rebuilt', 'r' * 5000), f('k/a b', '1'),
     f('k/h1', 'linked'), h('k/h2', 'k/h1'), f('k/split1', 's'), h('k/split2', 'k/split1'),
     f('k/same xattrs', 'x', xattrs={'user.a': '1', 'user.b': '2'}), d('k/tree'), d('k/tree/sub'), f('k/tree/sub/f', 'f'),
     Entry(encode('k/holes'), extents=[(0, b'd' * 512), (1 << 20, b'e' * 512)], size=2 << 20, sparse='1.0')]
b = [d('k', mode=0o711), f('k/content', 'two'), f('k/longer', 'longer'), f('k/mode', 'm', mode=0o4755), f('k/owner', 'o', gid=7),
     f('k/times', 't', mtime=EPOCH + 5), f('k/xattrs', 'x', xattrs={'user.a': 'two'}), s('k/link', 'there'), c('k/device', 1, 5),
     f('k/to-file', 'file'), d('k/to-dir'), f('k/to-dir/new', 'n'), f('k/empty', ''), f('k/rebuilt', 'r' * 5000),
     f('k/new', 'n' * 2000), h('k/newer', 'k/new'), f('k/a b', '2'),
     f('k/h1', 'linked'), f('k/h2', 'linked'), f('k/split1', 's'), f('k/split2', 'S'),
     f('k/same xattrs', 'x', xattrs={'user.b': '2', 'user.a': '1'}), f('k/esc\x1b[31m', 'red'), f(b'k/\xff', 'no UTF-8'),
     Entry(encode('k/holes'), extents=[(0, b'd' * 512), (1 << 20, b'e' * 511 + b'E')], size=2 << 20, sparse='1.0')]
push('kinds', 'a', common, a)
push('kinds', 'b', common, b, [wh('gone-by-whiteout')])

# The same files of other layers: at another place, in another order, in two layers.
files = [f(f't/{i:03}', noise.randbytes(2000)) for i in range(100)]
push('rebuilt', 'a', [d('t')] + files)
push('rebuilt', 'b', [d('t')] + files[::-1][:40], files[::-1][40:])
push('rebuilt', 'late', [d('t')] + [replace(e, mtime=EPOCH + 7) for e in files])

# A package more, one less, one changed, over a base.
package = lambda n, more='': [d(f'usr/{n}')] + [f(f'usr/{n}/{i}', f'{n} {i}{more}') for i in range(60)] + [d(f'usr/{n}/sub'), s(f'usr/{n}/sub/link', '../1')]
base = [d('usr')] + package('one') + package('two') + package('three')
push('packages', 'base', base)
push('packages', 'more', base, package('four'))
push('packages', 'less', base, [wh('usr/two')])
push('packages', 'changed', base, [f(f'usr/one/{i}', f'one {i}') for i in range(5)] + [f(f'usr/one/{i}', f'ONE {i}') for i in range(5, 20)]
     + [f(f'usr/one/{i}', f'one {i}', mode=0o600) for i in range(20, 30)])

amd, arm = (Image([Layer([d('etc'), f('etc/arch', arch), f('etc/same', 's')])], architecture=arch) for arch in ('amd64', 'arm64'))
registry.push('multi', 'v1', Index([amd, arm]))
"
mount_store
for i in kinds:a kinds:b rebuilt:a rebuilt:b rebuilt:late packages:base packages:more packages:less packages:changed; do
    pull "$R/$i" >/dev/null
done
pull "$R/multi:v1" >/dev/null
pull --platform linux/arm64 "$R/multi:v1" >/dev/null
P=${R}%2F
# changes OPTIONS-AND-IMAGES: each as "C content /path".
changes() { ctl diff "--format \"{{.Change}} {{.What}} {{.Path}}\" $*" | cat -v; }
status() { # STATUS COMMAND…: its output is in $T/out, its errors in $T/err
    local rc=0 wanted=$1
    shift
    "$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
    eq "$rc" "$wanted"
}

cat >"$T/kinds" <<'END'
D  /gone-by-whiteout
C mode /k
C content /k/a b
C content /k/content
C device /k/device
A  /k/esc?[31m
D  /k/gone
C content /k/holes
C link /k/link
C content /k/longer
C mode /k/mode
A  /k/new
A  /k/newer
C owner /k/owner
C content /k/split2
C type,mode /k/to-dir
A  /k/to-dir/new
C type,mode /k/to-file
D  /k/to-file/in
D  /k/tree
D  /k/tree/sub
D  /k/tree/sub/f
C xattrs /k/xattrs
A  /k/M-oM-?M-=
END
it "each kind of change is one, and nothing else is" '
    diff -u "$T/kinds" <(changes "$R/kinds:a" "$R/kinds:b")
'
it "the other way round, what was added is gone, and what changed has changed" '
    diff -u <(sed "s/^A/+/; s/^D/A/; s/^+/D/" "$T/kinds" | sed "/to-file\/in/s/^/-/; /to-dir\/new/s/^/-/" | sort) \
        <(changes "$R/kinds:b" "$R/kinds:a" | sed "/to-file\/in/s/^/-/; /to-dir\/new/s/^/-/" | sort)
'
it "the table has sizes, the layer that it comes from, and names that cannot reach a terminal" '
    ctl diff "$R/kinds:a" "$R/kinds:b" >"$T/table"
    matches "$(sed -n 1p "$T/table")" "^CHANGE +BEFORE +AFTER +LAYER +WHAT +PATH$"
    matches "$(grep "/k/gone$" "$T/table")" "^D +1kB +- +01 +- +/k/gone$"
    matches "$(grep "/k/longer" "$T/table")" "^C +3B +6B +01 +content +/k/longer$"
    matches "$(grep "/k$" "$T/table")" "^C +- +- +01 +mode +/k$"
    matches "$(grep "/k/esc" "$T/table")" " /k/esc\?\[31m$"
    fails grep -q "[^[:print:]]" "$T/table"
    matches "$(ctl diff --human=false "$R/kinds:a" "$R/kinds:b" | grep "/k/gone$")" "^D +1000 +- "
'
it "the same behind a ?, and as JSON" '
    ctl diff "$R/kinds:a" "$R/kinds:b" | cmp - "$M/ctl/diff?${P}kinds:a ${P}kinds:b"
    cat "$M/ctl/diff?--format json ${P}kinds:a ${P}kinds:b" >"$T/json"
    eq "$(jq -r .Path "$T/json" | wc -l)" "$(wc -l <"$T/kinds")"
    eq "$(jq -r "select(.Path == \"/k/esc\u001b[31m\") | .Size" "$T/json")" 3B
    eq "$(jq -c "select(.Path == \"/k/to-file\")" "$T/json")" \
        "{\"Change\":\"C\",\"Layer\":\"01\",\"Path\":\"/k/to-file\",\"Size\":\"4B\",\"SizeBefore\":\"-\",\"Type\":\"file\",\"What\":\"type,mode\"}"
'
it "times are a change where they are asked for" '
    eq "$(changes "$R/rebuilt:a" "$R/rebuilt:late")" ""
    eq "$(changes --times "$R/rebuilt:a" "$R/rebuilt:late" | wc -l)" 100
    has "$(changes --times "$R/kinds:a" "$R/kinds:b")" "C times /k/times"
'
it "the same files of other layers are no change" '
    eq "$(changes "$R/rebuilt:a" "$R/rebuilt:b")" ""
    eq "$(cat "$M/ctl/diff?${P}rebuilt:a ${P}rebuilt:b")" ""
'
it "--summary adds up by layer, the bytes of hard links once" '
    ctl diff --summary --human=false "$R/kinds:a" "$R/kinds:b" | sed "s/  */ /g; s/ $//" >"$T/sums"
    eq "$(cat "$T/sums")" "IMAGE LAYER ADDED CHANGED REMOVED SIZE CREATED BY
A 00 0 0 1 50 /bin/sh -c #(nop) ADD layer 0 in /
A 01 0 0 5 1002 /bin/sh -c #(nop) ADD layer 1 in /
B 01 5 13 0 2099179 /bin/sh -c #(nop) ADD layer 1 in /"
    eq "$(ctl diff --summary --format json "$R/kinds:a" "$R/kinds:b" | jq -r .Digest | sed -n 1p)" \
        "$(cat "$M/images/$R/kinds/a/layers/00/digest")"
    eq "$(ctl diff --summary "$R/kinds:a" "$R/kinds:a")" ""
'
it "layers, what one of them did, and platforms" '
    eq "$(changes --layer 1 --layer 2 "$R/kinds:b" | grep -v " /k")" "A  /.wh.gone-by-whiteout"
    eq "$(changes --up-to 1 --up-to 2 "$R/kinds:b")" "D  /gone-by-whiteout"
    eq "$(changes --up-to 0 "$R/kinds:a" "$R/kinds:b")" ""
    eq "$(changes --platform linux/amd64 --platform linux/arm64 "$R/multi:v1")" "C content /etc/arch"
    eq "$(changes --platform linux/arm64 "$R/multi:v1" "$R/multi:v1")" ""
    eq "$(changes "$R/multi:v1" "$(sha "$M/images/$R/multi/v1/config.json")")" ""
'

# What diff(1) finds in the two mounted trees, each entry of what only one has too.
walked() { # A B
    local a=$M/images/$R/packages/$1/rootfs b=$M/images/$R/packages/$2/rootfs
    { diff -rq --no-dereference "$a" "$b" || :; } | sed -nE "s,^Files $a(.*) and .* differ$,C \1,p"
    diff <(cd "$a" && find . -printf "%P\n" | sort) <(cd "$b" && find . -printf "%P\n" | sort) | sed -n "s,^< ,D /,p; s,^> ,A /,p"
}
it "a package more, one less, one changed: what diff(1) and find(1) see of the mounted trees" '
    for tag in more less changed; do
        diff -u <(walked base $tag | sort) <(changes "$R/packages:base" "$R/packages:$tag" | grep -v "^C mode" | sed "s/^\(.\) [a-z,]* /\1 /" | sort)
    done
    eq "$(changes "$R/packages:base" "$R/packages:more" | wc -l)" 63
    eq "$(changes "$R/packages:base" "$R/packages:less" | wc -l)" 63
    eq "$(changes "$R/packages:base" "$R/packages:changed" | grep -c "^C content")" 15
    eq "$(changes "$R/packages:base" "$R/packages:changed" | grep -c "^C mode")" 10
'
it "the statuses of diff(1); -q prints nothing" '
    status 1 img diff "$R/kinds:a" "$R/kinds:b"
    eq "$(wc -l <"$T/out")" 25
    status 1 img diff -q "$R/kinds:a" "$R/kinds:b"
    eq "$(cat "$T/out" "$T/err")" ""
    status 0 img diff -q "$R/rebuilt:a" "$R/rebuilt:b"
    status 0 img diff "$R/rebuilt:a" "$R/rebuilt:b"
    eq "$(cat "$T/out" "$T/err")" ""
    status 2 img diff "$R/kinds:a"
    has "$(cat "$T/err")" "requires 2 arguments"
    status 2 img diff --layer 9 "$R/kinds:a" "$R/kinds:b"
    eq "$(cat "$T/err")" "$R/kinds:a has no layer 9: its layers are 0 to 1"
    status 2 img diff "$R/kinds:a" "$R/kinds:b" "$R/kinds:a"
    status 125 img diff --layer x "$R/kinds:a" "$R/kinds:b"
    status 125 img diff --layer 1 --layer 1 --layer 1 "$R/kinds:a"
    status 125 img diff --layer 1 --up-to 1 "$R/kinds:a" "$R/kinds:b"
    status 125 img diff --bogus
    status 2 img diff --format "{{.Nope}}" "$R/kinds:a" "$R/kinds:b"
    fails grep -q "^{{" "$T/out"
'
it "an image that is not here is not pulled: it says what pulls it" '
    push_image absent v1 >/dev/null
    before=$(requests .)
    status 2 img diff "$R/kinds:a" "$R/absent:v1"
    eq "$(cat "$T/err")" "No such image: $R/absent:v1: img pull $R/absent:v1 first"
    status 2 img diff --platform linux/riscv64 "$R/multi:v1" "$R/kinds:a"
    has "$(cat "$T/err")" "img pull --platform linux/riscv64 $R/multi:v1 first"
    eq "$(requests .)" "$before"
    expect_errno ENOENT write "$M/ctl/diff" "nosuch:1 nosuch:2"
'
it "one whose layers are not here yet gets them, as who looks into rootfs/" '
    ls "$M/images/$R/absent/v1" >/dev/null
    grep -q "^00 *none" "$M/images/$R/absent/v1/status"
    eq "$(changes --up-to 0 --up-to 1 "$R/absent:v1")" "D  /etc/gone
A  /new
D  /secret"
'
it "what one layer brought to both is not read: its blob may be spoilt" '
    blob=$STORE/blobs/sha256/$(cut -d: -f2 "$M/images/$R/kinds/a/layers/00/digest")
    changes "$R/kinds:a" "$R/kinds:b" >"$T/before"
    remount_store
    cp "$blob" "$T/blob"
    dd if=/dev/zero of="$blob" bs=1000 seek=1 count=200 conv=notrunc status=none
    expect_errno EBADMSG read "$M/images/$R/kinds/a/rootfs/same/big"
    changes "$R/kinds:a" "$R/kinds:b" | cmp - "$T/before"
    cp "$T/blob" "$blob"
'
it "what cannot be read is trouble, with its path, and no half an answer" '
    blob=$STORE/blobs/sha256/$(cut -d: -f2 "$M/images/$R/rebuilt/b/layers/01/digest")
    remount_store
    cp "$blob" "$T/blob"
    dd if=/dev/zero of="$blob" bs=1000 seek=1 count=50 conv=notrunc status=none
    status 2 img diff "$R/rebuilt:a" "$R/rebuilt:b"
    eq "$(cat "$T/out")" ""
    matches "$(cat "$T/err")" "^/t/0[0-9]+: .*layer 1: "
    cp "$T/blob" "$blob"
    until_true 10 "img diff -q $R/rebuilt:a $R/rebuilt:b"
'
it "a tree that is damaged between two questions is made again" '
    changes "$R/kinds:a" "$R/kinds:b" >"$T/before"
    for tree in "$STORE"/derived/trees/*; do printf xxxx | dd of="$tree" bs=1 seek=300 conv=notrunc status=none; done
    changes "$R/kinds:a" "$R/kinds:b" | cmp - "$T/before"
'
it "a long answer is not kept as an outcome of many megabytes" '
    build "Registry(R).push(\"many\", \"v1\", Image([Layer([f(f\"d/{i:06}\" + \"x\" * 200) for i in range(3000)])]))"
    pull "$R/many:v1" >/dev/null
    [ "$(ctl diff "$R/kinds:a" "$R/many:v1" | wc -c)" -gt 600000 ]
    [ "$(wc -c <"$M/ctl/diff")" -lt 300000 ]
'

# --- layers that are read before they are here ---
hostile <<'END'
from lazy import *
import random
noise = random.Random(5)
files = [f(f"opt/{i:02}", noise.randbytes(20000)) for i in range(40)]
other = [replace(e, mtime=EPOCH + 1) for e in files]
other[7] = replace(other[7], data=noise.randbytes(20000))
serve("lazy", "a", TableImage([TableLayer([d("opt"), f("opt/a", noise.randbytes(300000))] + files, "estargz"), Layer([f("top", "a")])]))
serve("lazy", "b", TableImage([TableLayer([d("opt"), f("opt/b", noise.randbytes(300000))] + other, "estargz"), Layer([f("top", "b")])]))
serve("lazy", "c", Image([Layer([d("opt"), f("opt/c", noise.randbytes(300000))] + other), Layer([f("top", "c")])]))
serve("stuck", "v1", Image([Layer([f("stuck", noise.randbytes(5000))])]))
stuck = [d.split(":")[1] for (name, d) in state.blobs if name == "stuck" and len(state.blobs[name, d]) > 4000]
for hex in stuck: on(f"GET /v2/stuck/blobs/sha256:{hex}", stall="headers")
END
lazy() { # TAG: bytes of its first layer that are here
    grep -q "^00 *table" "$M/images/$H/lazy/$1/status"
    awk "/^00/ { print \$3 }" "$M/images/$H/lazy/$1/status"
}
cat >"$T/lazy" <<'END'
C content /opt/07
D  /opt/a
A  /opt/b
C content /top
END
it "of two layers that are not here the tables are enough" '
    cat "$M/images/$H/lazy/a/manifest.json" "$M/images/$H/lazy/b/manifest.json" "$M/images/$H/lazy/c/manifest.json" >/dev/null
    changes "$H/lazy:a" "$H/lazy:b" | diff -u "$T/lazy" -
    [ "$(lazy a)" -lt 100000 ]
    [ "$(lazy b)" -lt 100000 ]
'
it "where one has no table what must be compared comes, and no more" '
    changes "$H/lazy:a" "$H/lazy:c" | sed "s,/opt/c,/opt/b," | diff -u "$T/lazy" -
    [ "$(lazy a)" -gt 700000 ]
    [ "$(lazy a)" -lt 1000000 ]
'
it "digests that are damaged are made again, and no answer" '
    for table in "$STORE"/derived/layers/*.table; do
        size=$(stat -c %s "$table")
        head -c $((size / 2)) /dev/zero | dd of="$table" bs=4096 seek=1 conv=notrunc status=none
    done
    until_true 20 "changes $H/lazy:a $H/lazy:b | cmp - $T/lazy"
'
it "Ctrl-C interrupts it while it waits for a layer" '
    ls "$M/images/$H/stuck/v1" >/dev/null
    interrupts diff "$H/stuck:v1 $R/kinds:a" 20 "[ \$(asked \"GET /v2/stuck/blobs/.*\") -ge 2 ]"
'
it "meanwhile others read, and afterwards it works on" '
    changes "$R/kinds:a" "$R/kinds:b" | cmp - "$T/before"
'
