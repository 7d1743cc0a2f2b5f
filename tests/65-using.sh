#!/bin/bash
# SPDX-License-Identifier: MIT
# README's "Using it with other programs": what runs or reads a root filesystem, on the paths that stand there.
. "$(dirname "$0")/lib.sh"
need_fuse
((EUID == 0)) || skip_all "bind mounts and chroot want root"
start_registry
# A program without libraries, so that it runs in any root.
cat >"$T/hello.c" <<'C'
int main(void)
{
	static const char text[] = "from the image\n";
	long n;
#if defined(__x86_64__)
	__asm__ volatile("syscall" : "=a"(n) : "a"(1L), "D"(1L), "S"(text), "d"(sizeof(text) - 1) : "rcx", "r11", "memory");
#else
	(void)text;
	n = 0;
#endif
	return n <= 0;
}
C
cc -static -O1 -o "$T/hello" "$T/hello.c" 2>/dev/null || skip_all "no static program can be built"
[[ $("$T/hello") ]] || skip_all "no such program for this machine"
build "print(Registry(R).push('app', 'v1', Image([Layer([d('bin'), d('proc'), d('dev'), d('sys'), d('run'), d('tmp'), d('etc'),
    f('bin/hello', open(T + '/hello', 'rb').read(), mode=0o755), f('etc/motd', 'hello')])])))" >/dev/null
mount_store
pull "$R/app:v1" >/dev/null
export IMAGEFS_MOUNT=$M PATH=$BUILD:$HERE/../scripts:$PATH
IMAGE=$(img path --no-colon "$R/app:v1")
ROOT=$IMAGE/rootfs
O=$T/one
mkdir -p "$O"
hello() { eq "$("$@")" "from the image"; }

it "img mount and chroot" '
    img mount "$R/app:v1" "$O"
    hello chroot "$O" /bin/hello
    img umount "$O"
'
it "chroot" 'hello chroot "$ROOT" /bin/hello'
if have bwrap; then it "bwrap" 'hello bwrap --ro-bind "$ROOT" / --proc /proc --dev /dev /bin/hello'; fi
if have unshare; then it "unshare --root" 'hello unshare --mount --root="$ROOT" /bin/hello'; fi
if mkdir -p "$T/over" && mount -t tmpfs none "$T/over"; then
    it "overlayfs on top, writable" '
        mkdir "$T"/over/{upper,work,at}
        mount -t overlay none "$T/over/at" -o "lowerdir=$ROOT,upperdir=$T/over/upper,workdir=$T/over/work"
        echo more >>"$T/over/at/etc/motd"
        hello chroot "$T/over/at" /bin/hello
        eq "$(cat "$T/over/at/etc/motd") $(cat "$ROOT/etc/motd")" "hellomore hello"
        umount "$T/over/at"
    '
    umount "$T/over"
fi
if have mount.fuse3; then
    it "fstab: the tree, and one image" '
        mkdir -p "$T/tree"
        printf "%s\n" "$IMAGEFS#$STORE $T/tree fuse noauto,nofail 0 0" \
            "$IMAGEFS#$STORE $O fuse noauto,nofail,ro,image=$R/app:v1 0 0" >"$T/fstab"
        mount -T "$T/fstab" "$T/tree"
        eq "$(cat "$T/tree/images/$R/app/v1/rootfs/etc/motd")" hello
        umount "$T/tree"
        mount -T "$T/fstab" "$O"
        hello chroot "$O" /bin/hello
        umount "$O"
    '
fi
# Not for their sake is anything built: -o takes the program as it is.
make -s -o "$BUILD/imagefs" -C "$HERE/.." BUILD="$BUILD" PREFIX="$T/usr" install
units=$T/usr/lib/systemd
if have systemd-analyze; then
    it "the units say nothing that systemd does not know" '
        mkdir -p "$T/run"
        eq "$(systemd-analyze verify --man=no "$units/system/imagefs.service" 2>&1)" ""
        eq "$(XDG_RUNTIME_DIR=$T/run systemd-analyze verify --man=no --user "$units/user/imagefs.service" 2>&1)" ""
    '
else
    skip "the units say nothing that systemd does not know" "no systemd-analyze"
fi
# What a unit would run, with what it may be told.
run_unit() { # UNIT OPTIONS
    mkdir -p "$T/run/imagefs" "$T/lib"
    sed -n 's/^ExecStart\(Pre\)\?=//p' "$1" |
        sed "s|%t|$T/run|g; s|%h|$T/home|g; s| /run/| $T/run/|; s| /var/lib/| $T/lib/|; s|\$OPTIONS|$2|" >"$T/commands"
    bash -e "$T/commands"
}
it "what the units run mounts, and ends by SIGTERM" '
    for unit in system user; do
        run_unit "$units/$unit/imagefs.service" "-o insecure=$R"
        eq "$(cat "$T/run/imagefs/images/$R/app/v1/rootfs/etc/motd")" hello
        kill "$(pgrep -f "imagefs .*$T/run/imagefs\$")"
        until_true 10 "! mountpoint -q $T/run/imagefs"
    done
    [ -d "$T/lib/imagefs/blobs" ] && [ -d "$T/home/.local/share/imagefs/blobs" ]
'
if have updatedb.plocate && have plocate; then
    it "updatedb walks what is here, and brings nothing" '
        before=$(requests .)
        updatedb.plocate --prunepaths "" -U "$M" -o "$T/db"
        eq "$(plocate -d "$T/db" -b "\motd" | grep -c "/rootfs/etc/motd$")" 1
        eq "$(requests .)" "$before"
    '
else
    skip "updatedb walks what is here, and brings nothing" "no plocate"
fi
# podman does not run in every container that a test may be in: each of these ways is where another one fails.
contained() { podman --root "$T/podman" --runroot "$T/run/podman" "${HOW[@]}" run --rm --network=none "${LIMITS[@]}" "$@"; }
runs_containers() {
    have podman || return 1
    HOW=() LIMITS=(--cgroups=disabled)
    contained --rootfs "/:O" /bin/true >/dev/null 2>&1 && return
    HOW=(--runtime runc --cgroup-manager cgroupfs) LIMITS=(--ulimit nofile=1000:1000 --ulimit nproc=1000:1000)
    contained --rootfs "/:O" /bin/true >/dev/null 2>&1
}
if runs_containers; then
    it "podman run --rootfs PATH:O" 'hello contained --rootfs "$ROOT:O" /bin/hello'
    it "podman run -v PATH:DIR" 'hello contained -v "$ROOT/bin:/there:ro" --rootfs "$ROOT:O" /there/hello'
else
    skip "podman run" "podman runs nothing here"
fi
# What clears up behind a container goes on when podman has returned.
until_true 30 '! pgrep -f "$T/(run/)?podman" >/dev/null'
it "the path has no symlink and no colon: what refuses them takes it" '
    eq "$(realpath "$ROOT")" "$(realpath "$M")/${ROOT#"$M/"}"
    [[ $ROOT != *:* ]]
'
