#!/bin/bash
# SPDX-License-Identifier: MIT
# The tree below images/, as a user sees it.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
DIGEST=$(push_image app v1)
SECOND=$(push_image app v2 'Image([Layer([f("second", "2")])])')
push_image team/sub/app v1 >/dev/null
PLATFORMS="Index([Image([Layer([f('arch', a)])], architecture=a, variant=v) for a, v in
    (('amd64', None), ('arm64', 'v8'), ('arm', 'v6'))])"
INDEX=$(push_image multi v1 "$PLATFORMS")
push_image foreign v1 "Index([Image([Layer([f('arch', a)])], architecture=a) for a in ('s390x', 'ppc64le')])" >/dev/null
BEGIN=$(date +%s)
mount_store
I=$M/images/$R/app

it "the root has a README, images and ctl" 'eq "$(ls "$M" | tr "\n" " ")" "README ctl images "'
it "README is one screen with examples that can be pasted" '
    [ "$(wc -l <"$M/README")" -le 50 ]
    grep -q ctl/pull "$M/README"
'
it "an empty store lists no image" 'eq "$(ls "$M/images")" ""'
it "nothing asked the registry so far" 'eq $(requests "^GET") 0'

it "opening a name that the store does not know asks the registry" 'grep -q diff_ids "$I/v1/config.json"'
it "a name that was asked for is listed from then on" '
    eq "$(ls "$M/images")" "$R"
    eq "$(ls "$M/images/$R")" app
    eq "$(ls "$I" | sort)" "$DIGEST"$'"'\n'"'v1
'
it "a tag is a symlink to the image that it names" 'eq "$(readlink "$I/v1")" "$DIGEST"'
it "the mtime of a tag is when it was pulled" '
    pulled=$(stat -c %Y "$I/v1")
    ((pulled >= BEGIN && pulled <= $(date +%s)))
'
it "an image has the files of the design" '
    eq "$(ls "$I/v1/" | tr "\n" " ")" "Dockerfile config.json export history inspect.json layers manifest.json platforms referrers rootfs status " ||
    eq "$(ls "$I/v1/" | tr "\n" " ")" "Dockerfile config.json export history inspect.json layers manifest.json rootfs status "
'
it "ls -l and find in the directory of an image fetch no layer" '
    before=$(requests "GET .*/blobs/")
    ls -l "$I/v1/" "$I/v1/layers" "$I/v1/layers/00" >/dev/null
    find "$I/v1/" -maxdepth 1 -ls >/dev/null
    eq $(requests "GET .*/blobs/") "$before"
    eq "$before" 1
'
it "manifest.json has the bytes of the digest" 'eq "sha256:$(sha "$I/v1/manifest.json")" "$DIGEST"'
it "config.json has the bytes of its digest" '
    eq "sha256:$(sha "$I/v1/config.json")" "$(jq -r .config.digest "$I/v1/manifest.json")"
'
it "sizes of virtual files are exact" '
    for file in manifest.json config.json export history inspect.json layers/00/digest; do
        eq "$(stat -c %s "$I/v1/$file")" "$(wc -c <"$I/v1/$file")"
    done
'
it "rootfs is the merged tree" '
    eq "$(cat "$I/v1/rootfs/etc/motd")" "hello from app:v1"
    eq "$(cat "$I/v1/rootfs/new")" new
    expect_errno ENOENT stat "$I/v1/rootfs/etc/gone"
    expect_errno ENOENT stat "$I/v1/rootfs/secret"
'
it "layers are numbered from the bottom" 'eq "$(ls "$I/v1/layers" | tr "\n" " ")" "00 01 "'
it "a layer has its files, and rootfs unlisted" '
    eq "$(ls "$I/v1/layers/00" | tr "\n" " ")" "blob created_by diff diff_id digest size "
    eq "$(cat "$I/v1/layers/00/rootfs/secret")" hunter2
    expect_errno ENOENT stat "$I/v1/layers/01/rootfs/secret"
'
it "diff has a layer's own entries, whiteouts as files" '
    eq "$(cat "$I/v1/layers/00/diff/secret")" hunter2
    [ -f "$I/v1/layers/01/diff/.wh.secret" ]
    [ -f "$I/v1/layers/01/diff/etc/.wh.gone" ]
    expect_errno ENOENT stat "$I/v1/layers/01/diff/etc/motd"
'
it "a hard link to nothing costs its own name, and is in the blob all the same" '
    push_image lost v1 "Image([Layer([f(\"a\", \"a\"), h(\"b\", \"nowhere\")])])" >/dev/null
    eq "$(cat "$M/images/$R/lost/v1/layers/00/diff/a")" a
    eq "sha256:$(sha "$M/images/$R/lost/v1/layers/00/blob")" "$(cat "$M/images/$R/lost/v1/layers/00/digest")"
    eq "$(ls "$M/images/$R/lost/v1/rootfs")" a
'
it "a layer's blob, digest and diff_id are those of the manifest" '
    for n in 0 1; do
        layer=$I/v1/layers/0$n
        eq "$(cat "$layer/digest")" "$(jq -r ".layers[$n].digest" "$I/v1/manifest.json")"
        eq "sha256:$(sha "$layer/blob")" "$(cat "$layer/digest")"
        eq "$(cat "$layer/diff_id")" "$(jq -r ".rootfs.diff_ids[$n]" "$I/v1/config.json")"
        eq "sha256:$(gzip -dc "$layer/blob" | sha256sum | cut -d" " -f1)" "$(cat "$layer/diff_id")"
        has "$(cat "$layer/created_by")" "ADD layer $n in /"
    done
'
it "a layer's size is that of its blob, and of its archive once it is here" '
    push_image sized v1 >/dev/null
    jq -r ".layers[0].size" "$M/images/$R/sized/v1/manifest.json" >"$T/size"
    eq "$(cat "$M/images/$R/sized/v1/layers/00/size")" "blob $(cat "$T/size")
archive -"
    ls "$M/images/$R/sized/v1/rootfs" >/dev/null
    eq "$(cat "$M/images/$R/sized/v1/layers/00/size")" "blob $(stat -c %s "$M/images/$R/sized/v1/layers/00/blob")
archive $(gzip -dc "$M/images/$R/sized/v1/layers/00/blob" | wc -c)"
'
it "a layer beyond the last is not there" 'expect_errno ENOENT stat "$I/v1/layers/02"'
it "history is the table of docker history" '
    matches "$(sed -n 1p "$I/v1/history")" "^IMAGE +CREATED +CREATED BY +SIZE +COMMENT"
    eq "$(wc -l <"$I/v1/history")" 4
    has "$(sed -n 2p "$I/v1/history")" CMD
    has "$(sed -n 2p "$I/v1/history")" 0B
    matches "$(sed -n 3p "$I/v1/history")" "^<missing> .*ADD layer 1"
'
it "Dockerfile is made of history and config, and has no control codes" '
    sed -n "/^FROM/,\$p" "$I/v1/Dockerfile" >"$T/Dockerfile"
    eq "$(cat "$T/Dockerfile")" "FROM scratch
# layer 00
ADD layer 0 in /
# layer 01
ADD layer 1 in /
CMD [\"/bin/sh\"]
# In the config, and in no step:
ENV PATH=/usr/bin:/bin
LABEL org.example.test=yes"
    has "$(sed -n 1p "$I/v1/Dockerfile")" "Reconstructed from the image"
    build "Registry(R).push(\"evil\", \"v1\", Image([Layer([f(\"x\")])], history=[{\"created_by\": \"RUN /bin/sh -c \\x1b[31m # buildkit\"}]))" >/dev/null
    eq "$(sed -n "/^RUN/p" "$M/images/$R/evil/v1/Dockerfile")" "RUN ?[31m"
'
it "inspect.json is what docker image inspect prints" '
    eq "$(jq -r ".[0].RepoTags[0]" "$I/v1/inspect.json")" "$R/app:v1"
    eq "$(jq -r ".[0].RepoDigests[0]" "$I/v1/inspect.json")" "$R/app@$DIGEST"
    eq "$(jq -r ".[0].Architecture" "$I/v1/inspect.json")" amd64
    eq "$(jq -c ".[0].RootFS.Layers" "$I/v1/inspect.json")" "$(jq -c .rootfs.diff_ids "$I/v1/config.json")"
    eq "$(jq -c ".[0].Config.Cmd" "$I/v1/inspect.json")" "[\"/bin/sh\"]"
'
it "index.json is there only where the digest names an index" 'expect_errno ENOENT stat "$I/v1/index.json"'

it "provenance answers on every path and is never listed" '
    has "$(getfattr --only-values -n user.imagefs.layer "$I/v1/rootfs/new")" "$(jq -r ".layers[1].digest" "$I/v1/manifest.json")"
    has "$(getfattr --only-values -n user.imagefs.created_by "$I/v1/rootfs/etc/motd")" "ADD layer 0"
    eq "$(getfattr -d -m - "$I/v1/rootfs/new" 2>/dev/null)" ""
'
it "an image opens by its digest" 'eq "$(cat "$I/$DIGEST/rootfs/new")" new'
it "an image by digest that was never pulled opens too" 'eq "$(cat "$I/$SECOND/rootfs/second")" 2'
it "repository:tag leads to the same image" 'eq "$(cat "$I:v1/rootfs/new")" new'
it "repository:tag reaches the registry as well" 'eq "$(cat "$M/images/$R/team/sub/app:v1/rootfs/new")" new'
it "repository@digest leads to the image" 'eq "$(cat "$I@$DIGEST/rootfs/new")" new'
it "references are not listed" 'hasnt "$(ls "$M/images/$R")" ":v1"'
it "a path component leads to the repositories below" '
    eq "$(ls "$M/images/$R/team")" sub
    eq "$(ls "$M/images/$R/team/sub")" app
    eq "$(cat "$M/images/$R/team/sub/app/v1/rootfs/etc/motd")" "hello from team/sub/app:v1"
'
it ".tags lists the tags at the registry" 'eq "$(sort "$I/.tags" | tr "\n" " ")" "v1 v2 "'
it ".tags is not listed, has its size and the time of the answer, and sees new tags" '
    begin=$(date +%s)
    hasnt "$(ls -a "$I")" .tags
    eq "$(stat -c %s "$I/.tags")" "$(wc -c <"$I/.tags")"
    asked=$(stat -c %Y "$I/.tags")
    ((asked >= begin && asked <= $(date +%s)))
    push_image tagged v1 >/dev/null
    eq "$(cat "$M/images/$R/tagged/.tags")" v1
    push_image tagged v2 >/dev/null
    eq "$(sort "$M/images/$R/tagged/.tags" | xargs)" "v1 v2"
    expect_errno ENOENT stat "$M/images/$R/.tags"
    expect_errno ENOENT read "$M/images/$R/nosuch/.tags"
    expect_errno ECONNREFUSED read "$M/images/127.0.0.1:1/app/.tags"
'

it "an index shows the platform of the mount" '
    eq "$(readlink "$M/images/$R/multi/v1")" "$INDEX"
    eq "$(cat "$M/images/$R/multi/v1/rootfs/arch")" "$(dpkg --print-architecture)"
    eq "sha256:$(sha "$M/images/$R/multi/v1/index.json")" "$INDEX"
    wanted=$(jq -r ".manifests[] | select(.platform.architecture == \"amd64\") | .digest" "$M/images/$R/multi/v1/index.json")
    eq "sha256:$(sha "$M/images/$R/multi/v1/manifest.json")" "$wanted"
'
it "platforms lists every platform of an index, and each opens" '
    eq "$(ls "$M/images/$R/multi/v1/platforms" | tr "\n" " ")" "linux-amd64 linux-arm-v6 linux-arm64-v8 "
    has "$(readlink "$M/images/$R/multi/v1/platforms/linux-arm-v6")" "../../sha256:"
    eq "$(cat "$M/images/$R/multi/v1/platforms/linux-arm64-v8/rootfs/arch")" arm64
    eq "$(cat "$M/images/$R/multi/v1/platforms/linux-arm-v6/rootfs/arch")" arm
'
it "platforms of one name are told apart by os.version, and what is no platform is no name" '
    digest=$(push_image windows v1 "Index([Image([Layer([f(\"v\", str(i))])], os=\"windows\") for i in range(5)] + [Image([Layer([f(\"v\", \"l\")])])],
        attestations=[(Artifact([(\"text/plain\", b\"x\", {})]), Image([]))], platforms=[{\"os.version\": \"10.0.17763.1\"},
        {\"os.version\": \"10.0.20348.2\"}, {\"os.version\": \"10.0.20348.2\"}, {}, {\"os.version\": \"a/../b\"}, {\"variant\": \"v3\"}])")
    p=$M/images/$R/windows/$digest/platforms
    stat "$M/images/$R/windows/v1/" >/dev/null
    eq "$(ls "$p" | tr "\n" " ")" "linux-amd64-v3 windows-amd64 windows-amd64-10.0.20348.2 "
    eq "$(cat "$p/windows-amd64/rootfs/v" "$p/windows-amd64-10.0.20348.2/rootfs/v" "$p/linux-amd64-v3/rootfs/v")" 01l
    expect_errno ENOENT stat "$p/unknown-unknown"
    expect_errno ENOENT stat "$p/linux-arm64"
'
it "a platform that an index lacks is ENOENT" 'expect_errno ENOENT list "$M/images/$R/foreign/v1/rootfs"'

it "an unknown tag and an unknown repository are ENOENT" '
    expect_errno ENOENT stat "$I/nope"
    expect_errno ENOENT stat "$M/images/$R/nope/v1/config.json"
'
it "a no is remembered for a few seconds" '
    for i in {1..20}; do # until the machine is fast enough
        begin=${EPOCHREALTIME/[.,]/}
        expect_errno ENOENT stat "$I/never$i"
        before=$(requests .)
        expect_errno ENOENT stat "$I/never$i"
        expect_errno ENOENT stat "$I/never$i"
        took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
        ((took >= 3000)) || break
    done
    ((took < 3000)) || fail "it took $took ms"
    eq "$(requests .)" "$before"
'
it "names with a dot in front and names that cannot be a tag never reach the network" '
    before=$(requests .)
    for name in .git .hidden -x "with space" "x*y" "$(printf "%0130d" 1)"; do
        expect_errno ENOENT stat "$I/$name"
    done
    for name in .git UPPER/x "a b/x"; do expect_errno ENOENT stat "$M/images/$R/$name"; done
    eq "$(requests .)" "$before"
'
it "a tag that moves at the registry stays where it is until the next pull" '
    old=$(readlink "$I/v1")
    new=$(push_image app v1 "Image([Layer([f(\"moved\")])])")
    eq "$(readlink "$I/v1")" "$old"
    pull "$R/app:v1" >/dev/null
    eq "$(readlink "$I/v1")" "$new"
    eq "$(cat "$I/$old/rootfs/new")" new
'

it "the tree is read-only" '
    expect_errno EROFS create "$I/v1/rootfs/x"
    expect_errno EROFS mkdir "$I/v1/rootfs/x"
    expect_errno EROFS write "$I/v1/rootfs/moved" x
    expect_errno EROFS unlink "$I/v1/rootfs/moved"
    expect_errno EROFS chmod "$I/v1/rootfs/moved"
    expect_errno EROFS truncate "$I/v1/config.json"
    expect_errno EROFS create "$M/images/.x"
    expect_errno EROFS mkdir "$M/images/$R/.x"
'
it "the mount is nosuid and nodev" '
    options=$(awk -v m="$M" "\$2 == m { print \$4 }" /proc/mounts)
    has "$options" nosuid
    has "$options" nodev
'
it "statfs answers" 'stat -f "$M" && df "$M"'
it "a directory has . and .. and nlink of its subdirectories in rootfs" '
    eq "$(stat -c %h "$I/$DIGEST/rootfs")" 3
    [ "$(stat -c %i "$I/$DIGEST/rootfs/etc/..")" = "$(stat -c %i "$I/$DIGEST/rootfs")" ]
'
it "rootfs itself gets the attributes of its layers when they are there" '
    push_image root v1 "Image([Layer([d(\"./\", 0o750, uid=11, mtime=77 * NS), d(\"a\"), d(\"b\")])])" >/dev/null
    root=$M/images/$R/root/v1/rootfs
    stat "$root" >/dev/null
    eq "$(requests "GET /v2/root/blobs/")" 1
    ls "$root" >/dev/null
    eq "$(stat -c "%a %u %h %Y" "$root")" "750 11 4 77"
'
it "find, tar, grep and diff work on it" '
    has "$(find "$I/$DIGEST/" -path "*/rootfs/*")" etc/motd
    has "$(tar cf - -C "$I/$DIGEST/rootfs" . | tar tf -)" etc/motd
    grep -rq "hello from" "$I/$DIGEST/rootfs"
    diff -r "$I/$DIGEST/rootfs" "$I/$DIGEST/layers/01/rootfs"
    fails diff -rq "$I/$DIGEST/rootfs" "$I/$SECOND/rootfs"
'

# --- options ---
remount_store -o lookup=local
it "with lookup=local only what the store has is found" '
    before=$(requests .)
    expect_errno ENOENT stat "$I/v2"
    expect_errno ENOENT stat "$M/images/$R/foreign2/v1"
    eq "$(requests .)" "$before"
    eq "$(cat "$I/$DIGEST/rootfs/new")" new
'
# platform_of ARCHITECTURE: what the index multi:v2 names for it.
platform_of() { echo "$M/images/$R/multi/$(jq -r ".manifests[] | select(.platform.architecture == \"$1\") | .digest" "$M/images/$R/multi/v2/index.json")"; }
push_image multi v2 "${PLATFORMS//\'arch\', a/\'arch\', a + \'2\'}" >/dev/null
it "with lookup=local the platforms of a local index open" '
    pull "$R/multi:v2" >/dev/null
    eq "$(cat "$M/images/$R/multi/v2/platforms/linux-arm64-v8/rootfs/arch")" arm642
'
remount_store -o offline
it "with offline, what needs the network is ENETUNREACH, and the rest reads" '
    expect_errno ENETUNREACH stat "$I/v2/config.json"
    eq "$(cat "$I/$DIGEST/rootfs/new")" new
'
remount_store -o platform=linux/arm64
it "platform= chooses the platform of an index" 'eq "$(cat "$M/images/$R/multi/v1/rootfs/arch")" arm64'
it "a missing platform is an error that lists those there are" '
    expect_errno ENOENT write "$M/ctl/pull" "$R/foreign:v1"
    has "$(cat "$M/ctl/pull")" "no matching manifest for linux/arm64"
    has "$(cat "$M/ctl/pull")" linux/s390x
    has "$(cat "$M/ctl/pull")" linux/ppc64le
'
remount_store -o xattr=off
it "xattr=off turns attributes off" '
    expect_errno EOPNOTSUPP getxattr "$I/v1/rootfs/moved" user.imagefs.layer
'
if [[ $EUID == 0 ]]; then
    remount_store -o allow_other
    chmod 755 "$T"
    cp "$HERE/syscall.py" "$T/" # the clone may lie in a home that is closed to others
    it "what another user looks up never reaches the network" '
        before=$(requests .)
        setpriv --reuid 65534 --clear-groups python3 "$T/syscall.py" stat "$I/v2x" | grep -x ENOENT
        eq "$(requests .)" "$before"
        setpriv --reuid 65534 --clear-groups cat "$I/$DIGEST/rootfs/new"
    '
    it "nor what another user looks up of an index that is here, until the owner has looked" '
        other() { setpriv --reuid 65534 --clear-groups python3 "$T/syscall.py" "$@"; }
        before=$(requests .)
        arm=$(platform_of arm)
        for path in "$arm" "$arm/rootfs/arch" "$M/images/$R/multi/v2/platforms/linux-arm-v6/manifest.json"; do
            eq "$(other stat "$path")" ENOENT
        done
        manifest=$(platform_of amd64)
        rm "$STORE/blobs/sha256/${manifest##*:}"
        remount_store -o allow_other
        eq "$(other stat "$M/images/$R/multi/v2/config.json")" ENOENT
        eq "$(requests .)" "$before"
        stat "$arm/" "$M/images/$R/multi/v2/config.json" >/dev/null
        eq "$(other stat "$arm/config.json")" ok
        eq "$(setpriv --reuid 65534 --clear-groups cat "$arm/rootfs/arch")" arm2
    '
    it "with allow_other, the files of an image keep their permissions" '
        digest=$(push_image private v1 "Image([Layer([f(\"shadow\", \"s\", 0o600)])])")
        cat "$M/images/$R/private/v1/rootfs/shadow"
        eq "$(setpriv --reuid 65534 --clear-groups python3 "$T/syscall.py" read "$M/images/$R/private/v1/rootfs/shadow")" EACCES
    '
    it "with allow_other, all see the control files, and only the owner writes to them or reads what came of it" '
        setpriv --reuid 65534 --clear-groups ls -l "$M/ctl"
        eq "$(setpriv --reuid 65534 --clear-groups python3 "$T/syscall.py" read "$M/ctl/pull")" EACCES
        eq "$(setpriv --reuid 65534 --clear-groups python3 "$T/syscall.py" read "$M/ctl/manifest?x")" EACCES
        eq "$(setpriv --reuid 65534 --clear-groups python3 "$T/syscall.py" write "$M/ctl/pull" "$R/app:v2")" EACCES
    '
fi

# --- docker.io, by a mirror ---
remount_store -o "mirror=docker.io=http://$R"
push_image library/redis 7 >/dev/null
it "docker.io and library are implied" '
    eq "$(cat "$M/images/redis/7/rootfs/new")" new
    eq "$(ls "$M/images/redis")" "$(readlink "$M/images/redis/7" | sed "s/^/7\n/" | sort)"
'
it "docker.io/library leads to the plain path" '
    eq "$(cat "$M/images/docker.io/library/redis/7/rootfs/new")" new
    eq "$(cat "$M/images/library/redis/7/rootfs/new")" new
    eq "$(cat "$M/images/redis:7/rootfs/new")" new
    hasnt "$(ls "$M/images")" docker.io
'

# --- one question for many ---
hostile <<'END'
serve("app", "v1", Image([Layer([f("a", "x")])]))
on("manifests/v1", gate=(0, env["T"] + "/gate"))
END
it "a name is asked for once, however many wait for it" '
    pids=()
    for i in $(seq 20); do stat "$M/images/$H/app/v1" >/dev/null & pids+=($!); done
    until_true 20 "((\$(asked \"GET .*/manifests/v1\") == 1))"
    status=$(printf " /proc/%s/status" "${pids[@]}")
    until_true 20 "((\$(cat $status | grep -cE \"^Name:.stat$|^State:.[SD]\") == 40))"
    touch "$T/gate"
    wait "${pids[@]}"
    eq "$(asked "GET .*/manifests/v1")" 1
'
