# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the scripts share: messages, rights, and a registry of their own on the loopback. Sourced.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$top/build}
[[ $build == /* ]] || build=$top/$build

say() { printf '%s\n' "$*"; }

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root, and there is no sudo. As root: $*"
    fi
}

need_debian() { # need_debian PACKAGE...
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null && return
    die "packages are installed through apt only. What is needed, by Debian's names: $*"
}

triplet() { # triplet ARCH: what Debian's cross compiler for it is called by
    case $1 in
    i386) echo i686-linux-gnu ;;
    armhf) echo arm-linux-gnueabihf ;;
    arm64) echo aarch64-linux-gnu ;;
    s390x) echo s390x-linux-gnu ;;
    *) return 1 ;;
    esac
}

# A mount needs the device; asked first, as no package brings it.
need_fuse() {
    [[ -c /dev/fuse ]] ||
        die "there is no /dev/fuse. Load the kernel module (modprobe fuse); in a container, start it with" \
            "--device /dev/fuse --cap-add SYS_ADMIN; in a chroot, bind it: mount --bind /dev/fuse CHROOT/dev/fuse"
    (exec 9<>/dev/fuse) 2>/dev/null ||
        die "/dev/fuse is there, but $(id -un) may not open it: look at its mode, or at the container's device rules"
}

build_imagefs() { # quietly, unless it fails
    local log=$build/make.log
    mkdir -p "$build"
    if ! make -C "$top" BUILD="$build" -j"$(nproc)" >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        die "the build failed; all of its output is in $log"
    fi
}

free_port() { # a port of the loopback on which nobody listens
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# start_registry DIR: a docker-registry over DIR/data on a free port, in a session of its own; sets
# registry=localhost:PORT. DIR/registry.pid is what stop_registry goes by.
start_registry() {
    local dir=$1 port
    mkdir -p "$dir/data"
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        cat >"$dir/registry.yml" <<-YAML
		version: 0.1
		log: {level: warn, accesslog: {disabled: true}}
		storage: {filesystem: {rootdirectory: "$dir/data"}, delete: {enabled: true}}
		http: {addr: "127.0.0.1:$port", secret: "$RANDOM$RANDOM"}
		YAML
        setsid docker-registry serve "$dir/registry.yml" >"$dir/registry.log" 2>&1 </dev/null &
        echo $! >"$dir/registry.pid"
        if wait_for 10 registry_answers "$port" "$dir"; then
            # shellcheck disable=SC2034 # for the caller
            registry=localhost:$port
            return
        fi
        stop_registry "$dir"
    done
    tail -n 5 "$dir/registry.log" >&2
    die "docker-registry does not start; its output is in $dir/registry.log"
}

registry_answers() { # registry_answers PORT DIR
    pid_runs "$2/registry.pid" docker-registry &&
        curl -sf --noproxy '*' -o /dev/null "http://127.0.0.1:$1/v2/"
}

stop_registry() { # stop_registry DIR
    local pidfile=$1/registry.pid
    if pid_runs "$pidfile" docker-registry; then
        kill "$(cat "$pidfile")" 2>/dev/null || true
        wait_for 5 pid_gone "$pidfile" || kill -9 "$(cat "$pidfile")" 2>/dev/null || true
    fi
    rm -f "$pidfile"
}

# True where the process of that file is still the program that was started, not one that got its number.
pid_runs() { # pid_runs PIDFILE PROGRAM
    local pid
    pid=$(cat "$1" 2>/dev/null) && [[ -n $pid ]] && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "${2:0:15}" ]]
}

pid_gone() { ! kill -0 "$(cat "$1")" 2>/dev/null; }

wait_for() { # wait_for SECONDS COMMAND...: until it succeeds
    local tries=$(($1 * 20))
    shift
    until "$@"; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

# By the table and not by stat(2), which fails on a mount whose server is dead.
is_mounted() { # is_mounted DIR: absolute
    dir=${1// /\\040} awk '$2 == ENVIRON["dir"] { found = 1 } END { exit !found }' /proc/self/mounts
}

# unmount DIR: also a mount whose server is dead, or which somebody still uses.
unmount() {
    is_mounted "$1" || return 0
    if ((EUID == 0)); then
        umount "$1" 2>/dev/null || umount -l "$1"
    else
        fusermount3 -u "$1" 2>/dev/null || fusermount3 -uz "$1"
    fi
}
