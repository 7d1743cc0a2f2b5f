#!/bin/bash
# SPDX-License-Identifier: MIT
# Paths without a colon: sha256/HEX, and + for each colon below images/.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image team/app v1 "Image([Layer([d('etc'), f('etc/motd', 'hello'), f('bin/greet', '#!/bin/sh\necho greetings\n', mode=0o755), f('greet.h', '#define G 1\n')])])" >/dev/null
push_image team/app v2 >/dev/null
push_image team/app v3 >/dev/null
push_image top v1 >/dev/null
push_image multi v1 "Index([Image([Layer([f('arch', 'amd')])]), Image([Layer([f('arch', 'arm')])], architecture='arm64')])" >/dev/null
mount_store
pull "$R/team/app:v1" >/dev/null
A=$M/images/$R/team/app
DIGEST=$(readlink "$A/v1")
HEX=${DIGEST#sha256:}
P=$M/images/${R/:/+}/team/app
ctl tag "$R/team/app:v1" one:first >/dev/null
lists() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k2); }

it "sha256/HEX is the image of that digest, and is not listed" '
    eq "$(ls "$M" | xargs)" "README ctl images"
    eq "$(ls -A "$M/sha256")" ""
    eq "$(lists "$M/sha256/$HEX/rootfs")" "$(lists "$A/v1/rootfs")"
    for name in manifest.json config.json history layers/00/blob; do cmp "$M/sha256/$HEX/$name" "$A/v1/$name"; done
    eq "$(realpath "$M/sha256/$HEX/rootfs/etc")" "$(realpath "$M")/sha256/$HEX/rootfs/etc"
    [ -d "$M/sha256/$DIGEST/rootfs" ] # as a link of platforms/ has it
'
it "what is no digest of an image that is here is not there" '
    for name in "${HEX%?}" "${HEX}0" "$(printf %064d 7)" "sha512:$HEX" package.json .git; do expect_errno ENOENT stat "$M/sha256/$name"; done
    eq "$(requests "$(printf %064d 7)")" 0
    expect_errno EROFS mkdir "$M/sha256/$(printf %064d 7)"
    expect_errno EROFS rmdir "$M/sha256/$HEX"
'
it "the images of an index, too, and the links of their directories" '
    index=$(readlink "$M/images/$R/multi/v1")
    here=$M/sha256/${index#sha256:}
    eq "$(cat "$here/rootfs/arch")" amd
    eq "$(cat "$here/platforms/linux-arm64/rootfs/arch")" arm
    eq "$(realpath "$here/platforms/linux-arm64" | tr -d "[:alnum:]/._-")" ""
'
it "an image of which a file is open there is in use; removed by force it is gone by that name, and reads on" '
    exec 5<"$M/sha256/$HEX/rootfs/greet.h"
    ctl rmi one:first >/dev/null
    matches "$(ctl rmi "$R/team/app:v1" 2>&1 || :)" EBUSY
    ctl rmi -f "$R/team/app:v1"
    [ ! -e "$M/sha256/$HEX" ]
    eq "$(cat <&5)" "#define G 1"
    exec 5<&-
    pull "$R/team/app:v1" >/dev/null
    ctl tag "$R/team/app:v1" one:first >/dev/null
    eq "$(cat "$M/sha256/$HEX/rootfs/etc/motd")" hello
'
it "a host with a port has a name without a colon; what it leads to has none either" '
    eq "$(lists "$P/v1/rootfs")" "$(lists "$A/v1/rootfs")"
    eq "$(realpath "$P/v1/rootfs/etc")" "$(realpath "$M")/sha256/$HEX/rootfs/etc"
    eq "$(readlink "$P/v1")" "../../../../sha256/$HEX"
    eq "$(stat -c %Y "$P/v1")" "$(stat -c %Y "$A/v1")"
    eq "$(ls "$P" | tr : +)" "$(ls "$A" | tr : +)"
    hasnt "$(ls -R "$M/images/${R/:/+}")" "sha256:"
    eq "$(cat "$P/.tags")" "$(cat "$A/.tags")"
'
it "so have digests, references and tags" '
    for path in "$P/sha256+$HEX" "$A/sha256+$HEX" "$M/images/${R/:/+}/team/app+v1" "$M/images/$R/team/app+v1" "$A/+v1" \
        "$M/images/one/+first" "$M/images/one+first" "$M/images/one@sha256+$HEX" "$P/../app@sha256+$HEX"; do
        eq "$(realpath -e "$path")" "$(realpath "$M")/sha256/$HEX"
    done
'
it "a name that is not here comes from the registry" '
    eq "$(cat "$P/v2/rootfs/new")" new
    eq "$(cat "$M/images/${R/:/+}/team/app+v3/rootfs/new")" new
    eq "$(cat "$M/images/${R/:/+}/top/v1/rootfs/new")" new
    expect_errno ENOENT stat "$P/nope/config.json"
    expect_errno ENOENT stat "$P/+nope"
'
it "tags are set and removed there as well" '
    ln -s "$R/team/app:v1" "$P/made"
    eq "$(readlink "$A/made")" "$DIGEST"
    eq "$(realpath "$P/made")" "$(realpath "$M")/sha256/$HEX"
    rm "$P/made"
    until_true 2 "[ ! -L $A/made ]"
'
it "what stands for itself: + at the end, alone, or twice is no name" '
    for name in + ++ a+ +a+ "localhost+" "sha256+" "sha256+$HEX+"; do
        expect_errno ENOENT stat "$M/images/$name/v1/config.json"
        expect_errno ENOENT stat "$A/$name"
    done
'
it "img path --no-colon prints it" '
    export IMAGEFS_MOUNT=$M
    eq "$("$HERE/../scripts/img" path --no-colon "$R/team/app:v1")" "$M/sha256/$HEX"
    eq "$("$HERE/../scripts/img" path --no-colon one:first)" "$M/sha256/$HEX"
    eq "$("$HERE/../scripts/img" path one:first)" "$M/images/one:first"
'

# --- programs that take a colon for the end of a path ---
it "a list of directories" 'eq "$(PATH="$P/v1/rootfs/bin:$PATH" bash -c greet)" greetings'
if have make; then
    it "a rule of make" '
        printf "%s\n" "all: $M/sha256/$HEX/rootfs/greet.h" "	@echo \$<" >"$T/Makefile"
        eq "$(make -s -f "$T/Makefile")" "$M/sha256/$HEX/rootfs/greet.h"
    '
fi
if have skopeo; then
    it "skopeo reads the archive by docker-archive:PATH" '
        [[ $M != *:* ]]
        eq "$(skopeo inspect --config "docker-archive:$P/v1/export/image.tar" | jq -r .os)" linux
    '
fi
if ((EUID == 0)) && mkdir -p "$T/over" && mount -t tmpfs none "$T/over"; then
    it "overlayfs takes it for its lowerdir" '
        mkdir "$T"/over/{upper,work,at}
        mount -t overlay none "$T/over/at" -o "lowerdir=$M/sha256/$HEX/rootfs,upperdir=$T/over/upper,workdir=$T/over/work"
        echo more >>"$T/over/at/etc/motd"
        eq "$(cat "$T/over/at/etc/motd")" hellomore
        eq "$(cat "$M/sha256/$HEX/rootfs/etc/motd")" hello
        umount "$T/over/at"
    '
    umount "$T/over"
fi
if have bwrap; then
    it "bwrap binds it" '
        eq "$(bwrap --ro-bind / / --ro-bind "$M/sha256/$HEX/rootfs" /mnt cat /mnt/etc/motd)" hello
    '
fi
