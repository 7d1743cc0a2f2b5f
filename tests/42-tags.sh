#!/bin/bash
# SPDX-License-Identifier: MIT
# tag, rmi and prune: as control files, and by hand with ln, rm, rmdir and mv.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
push_image app v1 'Image([Layer([f("one", "1")]), Layer([f("shared", "s")])], labels={"stage": "test"})' >/dev/null
push_image app v2 'Image([Layer([f("two", "2")]), Layer([f("shared", "s")])])' >/dev/null
push_image other v1 'Image([Layer([f("big", __import__("random").Random(5).randbytes(3000000))])])' >/dev/null
mount_store
A=$M/images/$R/app
ID() { sha "$M/images/$1/config.json"; } # REPOSITORY/TAG
DIGEST() { readlink "$M/images/$1"; }
restore() { for i in app:v1 app:v2 other:v1; do pull "$R/$i" >/dev/null; done; }
restore

# --- tag ---
it "tag is silent, and copies nothing" '
    before=$(find "$STORE/blobs" | sort)
    eq "$(ctl tag "$R/app:v1" team/app:first)" ""
    eq "$(DIGEST team/app/first)" "$(DIGEST $R/app/v1)"
    eq "$(cat "$M/images/team/app/first/rootfs/one")" 1
    eq "$(find "$STORE/blobs" | sort)" "$before"
'
it "by ID, by a prefix of it, by digest" '
    id=$(ID $R/app/v1)
    ctl tag "sha256:$id" team/app:id
    ctl tag "${id:0:12}" team/app:prefix
    ctl tag "$(DIGEST $R/app/v1)" team/app:digest
    ctl tag "$R/app@$(DIGEST $R/app/v1)" team/app:pinned
    eq "$(readlink "$M"/images/team/app/{id,prefix,digest,pinned} | sort -u)" "$(DIGEST $R/app/v1)"
'
it "a mistake is told in docker words" '
    expect_errno EINVAL write "$M/ctl/tag" "$R/app:v1 a..b"
    grep -q "error parsing reference: \"a..b\" is not a valid repository/tag: invalid reference format" "$M/ctl/tag"
    expect_errno EINVAL write "$M/ctl/tag" "$R/app:v1 x@$(DIGEST $R/app/v1)"
    grep -q "refusing to create a tag with a digest reference" "$M/ctl/tag"
    expect_errno ENOENT write "$M/ctl/tag" "nosuch x:1"
    grep -q "No such image: nosuch:latest" "$M/ctl/tag"
    expect_errno EINVAL write "$M/ctl/tag" "only"
'
it "a tag that moves leaves its image dangling, unless it has another name" '
    ctl tag "$R/app:v1" team/moving:1
    ctl tag "$R/app:v2" team/moving:1
    eq "$(ls "$M/images/team/moving" | wc -l)" 2
    ctl rmi "$R/app:v2" >/dev/null
    ctl tag "$R/app:v1" team/moving:1
    eq "$(ls "$M/images/team/moving" | grep -c sha256)" 2
    ctl prune >/dev/null
    eq "$(ls "$M/images/team/moving" | grep -c sha256)" 1
    restore
'

# --- rmi ---
it "rmi of one of several tags only untags" '
    ctl tag "$R/app:v2" team/x:1
    eq "$(ctl rmi team/x:1)" "Untagged: team/x:1"
    [ -d "$A/v2/rootfs" ]
'
it "with the last one the image goes, and its blobs that no other needs" '
    ctl tag "$R/other:v1" $R/gone:1
    digest=$(DIGEST $R/gone/1)
    ctl rmi "$R/other:v1" >/dev/null
    eq "$(ctl rmi $R/gone:1)" "$(printf "Untagged: $R/gone:1\nDeleted: $digest")"
    [ ! -e "$M/images/$R/gone/$digest/config.json" ] || [ ! -e "$STORE/blobs/sha256/${digest#*:}" ]
    [ ! -e "$STORE/blobs/sha256/${digest#*:}" ]
    eq "$(cat "$A/v1/rootfs/shared")" s
    valid_store
    restore
'
it "several at once: each is tried, the first failure is the errno" '
    ctl tag "$R/app:v1" x:1
    ctl tag "$R/app:v1" x:2
    expect_errno ENOENT write "$M/ctl/rmi" "x:1 nosuch:7 x:2"
    ! ls "$M/images/x/1" 2>/dev/null
    [ ! -L "$M/images/x/2" ]
    grep -q "No such image: nosuch:7" "$M/ctl/rmi"
'
it "of several that fail each has its line" '
    ctl tag "$R/app:v1" x:1
    eq "$(ctl rmi nosuch:1 x:1 nosuch:2 2>/dev/null)" "$(printf "Untagged: x:1\nNo such image: nosuch:1\nNo such image: nosuch:2")"
'
it "each that is not there is told on a line of its own, however many they are" '
    many=$(printf "nosuch:%s " {1..100})
    exec 3<>"$M/ctl/rmi"
    echo "$many" 2>/dev/null >&3 && fail "should fail"
    eq "$(cat <&3 | sort)" "$(printf "No such image: nosuch:%s\n" {1..100} | sort)"
'
it "-f takes a missing one for success, and says so" 'has "$(ctl rmi -f nosuch:7)" "No such image: nosuch:7"'
it "by ID: a conflict where there are several tags, unless forced" '
    id=$(ID $R/app/v1)
    ctl tag "$R/app:v1" y:1
    expect_errno EBUSY write "$M/ctl/rmi" "$id"
    grep -q "conflict: unable to delete ${id:0:12} (must be forced) - image is referenced in multiple repositories" "$M/ctl/rmi"
    answer=$(ctl rmi -f "$id")
    has "$answer" "Untagged: y:1"
    has "$answer" "Deleted: sha256:"
    restore
'

it "by ID: a conflict, too, where another repository has it by digest alone" '
    id=$(ID $R/app/v1)
    pull "$R/app@$(DIGEST $R/app/v1)" >/dev/null
    ctl tag "$R/app:v1" z:1
    ctl rmi "$R/app:v1" >/dev/null
    pull "$R/app@$(DIGEST z/1)" >/dev/null
    expect_errno EBUSY write "$M/ctl/rmi" "$id"
    [ -L "$M/images/z/1" ]
    ctl rmi -f "$id" >/dev/null
    restore
'

# --- in use ---
it "an image whose files are open is not removed unless forced; readers read on to the end" '
    exec 5<"$M/images/$R/other/v1/rootfs/big"
    head -c 1000 <&5 >"$T/part"
    expect_errno EBUSY write "$M/ctl/rmi" "$R/other:v1"
    grep -q "image is being used" "$M/ctl/rmi"
    [ -L "$M/images/$R/other/v1" ]
    ctl rmi -f "$R/other:v1" >/dev/null
    cat <&5 >>"$T/part"
    exec 5<&-
    eq "$(stat -c %s "$T/part")" 3000000
    eq "$(sha256sum <"$T/part")" "$(python3 -c "import random, sys; sys.stdout.buffer.write(random.Random(5).randbytes(3000000))" | sha256sum)"
    until_true 5 "! grep -q blobs.*deleted <(ls -l /proc/$(pid_of imagefs)/fd)"
    restore
'
it "what was only looked at is not in use" '
    find "$M/images/$R/other/v1/" -type f | xargs cat >/dev/null
    ctl rmi "$R/other:v1" >/dev/null
    restore
'
it "a working directory is a use" '
    (cd "$M/images/$R/other/v1/rootfs" && expect_errno EBUSY write "$M/ctl/rmi" "$R/other:v1")
    ctl rmi "$R/other:v1" >/dev/null
    restore
'

# --- prune ---
it "prune gives back what df counted" '
    before=$(ctl df --format "{{.Size}}" | sed -n 1p)
    eq "$(ctl prune -a | tail -1)" "Total reclaimed space: $before"
    eq "$(ctl df --format "{{.Size}}" | sed -n 1p)" 0B
    restore
'
it "prune removes what dangles, and nothing else" '
    ctl tag "$R/other:v1" d:1
    ctl rmi "$R/other:v1" >/dev/null
    ctl tag "$R/app:v1" d:1
    answer=$(ctl prune)
    has "$answer" "Deleted Images:"
    matches "$(tail -1 <<<"$answer")" "^Total reclaimed space: 3\.[0-9]*MB$"
    eq "$(ctl prune)" "Total reclaimed space: 0B"
    ctl rmi d:1 >/dev/null
    restore
'
it "prune -a spares what is in use" '
    exec 5<"$M/images/$R/app/v1/rootfs/one"
    ctl prune -a >/dev/null
    eq "$(ctl images -q | wc -l)" 1
    [ -L "$A/v1" ]
    exec 5<&-
    restore
'
it "filters: until, label, label!" '
    eq "$(ctl prune -a --filter until=24h)" "Total reclaimed space: 0B"
    eq "$(ctl prune -a --filter label=stage=prod)" "Total reclaimed space: 0B"
    ctl prune -a --filter label!=stage >/dev/null
    eq "$(ctl images | sed 1d | wc -l)" 1
    has "$(ctl prune -a --filter label=stage --filter until=2099-01-01)" "untagged: $R/app:v1"
    eq "$(ctl images | sed 1d | wc -l)" 0
    eq "$(find "$STORE/blobs" "$STORE/partial" "$STORE/leases" -type f 2>/dev/null)" ""
    eq "$(find "$STORE/derived" -type f | grep -v -e version -e /names)" ""
    expect_errno EINVAL write "$M/ctl/prune" "--filter nosuch=1"
    expect_errno EINVAL write "$M/ctl/prune" "--filter until=soon"
    restore
'

it "until spares what another program has just put there" '
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$R/app:v1" "oci:$STORE:docker.io/library/new:1"
    ctl prune -a --filter until=1h >/dev/null
    [ -L "$M/images/new/1" ]
    ctl rmi new:1 >/dev/null
    restore
'

# --- by hand ---
it "rm untags" '
    ctl tag "$R/app:v1" hand:1
    rm "$M/images/hand/1"
    [ ! -L "$M/images/hand/1" ]
    has "$(cat "$M/ctl/rmi")" "Untagged: hand:1"
'
it "ln -s tags: by a path, relative or absolute, a name beside, a reference" '
    ctl tag "$R/app:v1" hand:1
    ln -s "$M/images/$R/app/v1" "$M/images/hand/absolute"
    (cd "$M/images/hand" && ln -s "../$R/app/v1" relative && ln -s 1 beside)
    (cd "$M" && ln -s "images/$R/app/v1" images/hand/top)
    ln -s "$R/app:v1" "$M/images/hand/reference"
    eq "$(readlink "$M"/images/hand/{absolute,relative,beside,top,reference} | sort -u)" "$(DIGEST $R/app/v1)"
    eq "$(ls "$M/images/hand" | grep -vc sha256)" 6
    (cd "$M/images/hand" && ln -s "../$R/app:v1" pasted && ln -s ../hand:1 near && ln -s "$M/images/hand@$(DIGEST $R/app/v1)" pinned)
    eq "$(readlink "$M"/images/hand/{pasted,near,pinned} | sort -u)" "$(DIGEST $R/app/v1)"
    rm "$M"/images/hand/{pasted,near,pinned}
    fails ln -s /etc/passwd "$M/images/hand/bad" 2>/dev/null
    fails ln -s nosuch:1 "$M/images/hand/bad" 2>/dev/null
'
it "mv renames a tag, also to another repository, and over another" '
    mv "$M/images/hand/beside" "$M/images/hand/moved"
    [ ! -L "$M/images/hand/beside" ]
    mv "$M/images/hand/moved" "$A/moved"
    eq "$(DIGEST $R/app/moved)" "$(DIGEST $R/app/v1)"
    mv -T "$A/moved" "$A/v2"
    eq "$(DIGEST $R/app/v2)" "$(DIGEST $R/app/v1)"
    [ ! -L "$A/moved" ]
    restore
'
it "rmdir removes an image from its repository" '
    rm "$M"/images/hand/{absolute,relative,top}
    rmdir "$M/images/hand/$(DIGEST $R/app/v1)"
    [ ! -e "$M/images/hand/reference" ]
    [ -d "$A/v1/rootfs" ]
'
it "rmdir of what is open is EBUSY" '
    exec 5<"$M/images/$R/other/v1/rootfs/big"
    expect_errno EBUSY rmdir "$M/images/$R/other/$(DIGEST $R/other/v1)"
    expect_errno EBUSY unlink "$M/images/$R/other/v1"
    exec 5<&-
    rmdir "$M/images/$R/other/$(DIGEST $R/other/v1)"
    restore
'
it "all else is EROFS" '
    expect_errno EROFS unlink "$A/v1/config.json"
    expect_errno EROFS unlink "$A/v1/rootfs/one"
    matches "$(errno_of mkdir "$M/images/new")" "EROFS|EEXIST"
    expect_errno EROFS create "$A/file"
    expect_errno EROFS rmdir "$M/images/$R"
    fails mv "$A/$(DIGEST $R/app/v1)" "$A/x" 2>/dev/null
    fails ln "$A/v1/config.json" "$A/x" 2>/dev/null
    [ -d "$A/v1/rootfs" ]
'

# --- two mounts ---
it "another mount of the store sees it within a second, and lets go" '
    M2=$T/second
    NAME=second mount_store -m "$M2" -o lookup=local
    cat "$M2/images/$R/other/v1/rootfs/big" >/dev/null
    ctl rmi "$R/other:v1" >/dev/null
    until_true 1 "[ ! -L $M2/images/$R/other/v1 ]"
    ls "$M2/images/$R" >/dev/null
    until_true 5 "! grep -q blobs.*deleted <(ls -l /proc/$(pid_of second)/fd)"
    restore
    NAME=second unmount_store -m "$M2"
'
it "... and one that nobody uses lets go as well" '
    M2=$T/second
    NAME=second mount_store -m "$M2" -o lookup=local
    cat "$M2/images/$R/other/v1/"{rootfs/big,manifest.json,layers/00/blob} >/dev/null
    grep blobs <(ls -l /proc/$(pid_of second)/fd)
    ctl rmi "$R/other:v1" >/dev/null
    until_true 15 "! grep -q blobs.*deleted <(ls -l /proc/$(pid_of second)/fd)"
    fails ls "$M2/images/$R/other/v1/rootfs"
    restore
    NAME=second unmount_store -m "$M2"
'
cat >"$T/hands.py" <<'P'
"""Many hands on the same few tags, in two mounts: what they may be told is that another was there first."""
import errno, os, random, sys, threading
ROUNDS = 300  # what two idle processors do in 3 s
mounts, source, wrong = sys.argv[1:3], sys.argv[3], []


def hand(seed):
    r = random.Random(seed)
    for _ in range(ROUNDS):
        if wrong:
            break
        here = f"{r.choice(mounts)}/images/localhost:1/hands"
        one, two = r.choice("xyz"), r.choice("xyz")
        what = r.choice(["symlink", "rename", "unlink", "request"])
        try:
            if what == "symlink":
                os.symlink(source, f"{here}/{one}")
            elif what == "rename":
                os.rename(f"{here}/{one}", f"{here}/{two}")
            elif what == "unlink":
                os.unlink(f"{here}/{one}")
            else:
                fd = os.open(f"{r.choice(mounts)}/ctl/rmi", os.O_WRONLY)
                os.write(fd, f"localhost:1/hands:{one}\n".encode())
                os.close(fd)
        except OSError as e:
            if e.errno not in (errno.ENOENT, errno.EEXIST):
                wrong.append(f"{what}: {e}")


threads = [threading.Thread(target=hand, args=(i,)) for i in range(6)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(*wrong, sep="\n")
sys.exit(bool(wrong))
P
it "many hands on the same tags, in two mounts, are told that another was there first, and no more" '
    M2=$T/second
    remount_store -o lookup=local
    NAME=second mount_store -m "$M2" -o lookup=local
    python3 "$T/hands.py" "$M" "$M2" "$R/app:v1"
    eq "$(cat "$M/images/$R/app/v1/rootfs/one")" 1
    NAME=second unmount_store -m "$M2"
'
it "the store is valid in the end" valid_store
finish
