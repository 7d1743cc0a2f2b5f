#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel keeps names for a while, and yet: what has changed is seen by the next look, in every path that leads to it.
# FRESH=1000 makes each change so often (50).
. "$(dirname "$0")/lib.sh"
need_fuse
FRESH=${FRESH:-50}
CHECK_LIMIT=$((CHECK_LIMIT + FRESH * 2)) # what another process changes may take a second to be seen
start_registry
chmod 755 "$T"
push_image app one 'Image([Layer([d("etc"), f("etc/motd", "one")])])' >/dev/null
push_image app two 'Image([Layer([d("etc"), f("etc/motd", "two")])])' >/dev/null
push_image app three 'Image([Layer([d("etc"), f("etc/motd", "three")])])' >/dev/null
build "Registry(R).push('app', 'index', Index([Image([Layer([f('index', '1')])]), Image([Layer([f('index', '2')])], architecture='arm64')]))"

cat >"$T/fresh.py" <<'P'
"""fresh.py WHAT ROUNDS MOUNT [MORE…]: changes names again and again, and looks at once at every path to them, while
readers keep the old ones warm in the kernel. Prints each look that was wrong; the status is 1 then."""
import os
import sys
import time

sys.path[:0] = [os.environ["HERE"]]
import oci

what, rounds, mount, *more = sys.argv[1:]
rounds, wrong = int(rounds), []
R, LIMIT = os.environ["R"], float(os.environ["TIMEOUT_FACTOR"])


def ctl(verb, line, at=mount):
    fd = os.open(f"{at}/ctl/{verb}", os.O_WRONLY)
    try:
        os.write(fd, (line + "\n").encode())
    finally:
        os.close(fd)


def quiet(function, *args):
    """What it gives, or the error's number."""
    try:
        return function(*args)
    except OSError as e:
        return e.errno


def names(path):
    """A listing; of what is not there, an empty one."""
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []


def motd(path):
    with open(path) as file:
        return file.read()


class Readers:
    """Processes that look at paths again and again."""

    def __init__(self, paths, count=2):
        self.pids, parent = [], os.getpid()
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                while os.getppid() == parent:
                    for path in paths:
                        quiet(os.lstat, path)
                        quiet(os.stat, path)
                        quiet(motd, path + "/rootfs/etc/motd")
                    quiet(os.listdir, os.path.dirname(paths[0]))
                    time.sleep(0.001)
                os._exit(0)
            self.pids.append(pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self.pids:
            os.kill(pid, 9)
        for pid in self.pids:
            os.waitpid(pid, 0)


PLACE = "warm"


def paths(tag, at=mount):
    return [f"{at}/images/{way}{PLACE}/{tag}" for way in ["", "library/", "docker.io/", "docker.io/library/", "index.docker.io/"]]


def seen(tag, at):
    """What each path to the tag says: all should say the same."""
    place = f"{at}/images/{PLACE}"
    digests = {quiet(os.readlink, path) for path in paths(tag, at)}
    texts = {quiet(motd, path + "/rootfs/etc/motd") for path in paths(tag, at) + [f"{place}:{tag}"]}
    return digests, texts, tag in names(place), quiet(lambda: os.stat(place).st_mtime_ns)


def wanted(name):
    return ({DIGESTS[name]}, {name}, True) if name else ({2}, {2}, False)


last_mtime = 0


def look(after, tag, name, at=mount, within=0.0):
    """The tag leads to that image (one, two, three; None: it is not there)."""
    global last_mtime
    end = time.monotonic() + within
    while True:
        late = time.monotonic() > end
        got = seen(tag, at)
        ok = got[:3] == wanted(name)
        if ok or late:
            break
        time.sleep(0.01)
    if not ok:
        wrong.append(f"{after}: {tag} should be {name}: {got}")
    elif not within and got[3] == last_mtime:
        wrong.append(f"{after}: the directory's mtime did not move")
    last_mtime = got[3]


IMAGES = f"{mount}/images"
APP = f"{R}/app"
DIGESTS = {n: quiet(os.readlink, f"{IMAGES}/{APP}/{n}") for n in ["one", "two", "three"]}


def tags(n):
    """By control files and by hand."""
    here = f"{IMAGES}/{PLACE}"
    ctl("tag", f"{APP}:one {PLACE}:t")
    look("tag", "t", "one")
    ctl("tag", f"{APP}:two {PLACE}:t")
    look("tag to another image", "t", "two")
    ctl("rmi", f"{PLACE}:t")
    look("rmi", "t", None)
    os.symlink(f"{IMAGES}/{APP}/two", f"{here}/t")
    look("ln -s", "t", "two")
    os.symlink(f"{IMAGES}/{APP}/three", f"{here}/u")
    look("ln -s", "u", "three")
    os.rename(f"{here}/u", f"{here}/t")
    look("mv over a tag", "t", "three")
    quiet(os.lstat, f"{here}/u") == 2 or wrong.append("mv: the old name is still there")
    os.rename(f"{here}/t", f"{here}/u")
    look("mv", "u", "three")
    quiet(os.lstat, f"{here}/t") == 2 or wrong.append("mv: the old name is still there")
    os.unlink(f"{here}/u")
    look("rm", "u", None)


def mtimes(n):
    """A tag's own mtime is when it was set, also where it leads to the same image as before."""
    before = quiet(lambda: os.lstat(f"{IMAGES}/{PLACE}/t").st_mtime_ns)
    ctl("tag", f"{APP}:one {PLACE}:t")
    after = os.lstat(f"{IMAGES}/{PLACE}/t").st_mtime_ns
    before != after or wrong.append("tag: the symlink has the mtime that it had")


def pulls(n):
    """The registry's tag moves, and is pulled again."""
    name = ["one", "two", "three"][n % 3]
    put(name)
    ctl("pull", f"{APP}:moving")
    got = quiet(os.readlink, f"{IMAGES}/{APP}/moving"), quiet(motd, f"{IMAGES}/{APP}:moving/rootfs/etc/motd")
    got == (DIGESTS[name], name) or wrong.append(f"pull: {got}, should be {name}")
    inside = quiet(motd, f"{IMAGES}/{APP}/moving/rootfs/etc/motd")
    inside == name or wrong.append(f"pull: {inside} inside, should be {name}")


def put(name):
    registry.request("PUT", f"/v2/app/manifests/moving", MANIFESTS[name], **{"Content-Type": oci.OCI_MANIFEST})


def removals(n):
    """A removed image is not there any more, by its digest neither, nor is what lies in it."""
    here, name = f"{IMAGES}/{PLACE}", "three"
    digest = DIGESTS[name]
    ctl("pull", f"{APP}:{name}")
    ctl("tag", f"{APP}:{name} {PLACE}:only")
    ctl("rmi", f"{APP}:{name}")
    look("tag", "only", name)
    deep = [f"{here}/{digest}", f"{here}/{digest}/rootfs", f"{here}/{digest}/rootfs/etc/motd", f"{here}/{digest}/manifest.json",
            f"{IMAGES}/docker.io/{PLACE}/{digest}/rootfs/etc", f"{IMAGES}/{PLACE}@{digest}/rootfs/etc/motd",
            f"{mount}/{digest.replace(':', '/')}/rootfs/etc/motd"]
    quiet(os.stat, deep[-1]) == 2 and wrong.append(f"{deep[-1]} is not there behind the pull")
    for path in deep:
        os.stat(path)
    os.chdir(f"{here}/only/rootfs/etc" if n % 2 else "/")
    if n % 3:
        ctl("rmi", f"-f {PLACE}:only")
    elif n % 2:
        try:
            os.unlink(f"{here}/only")
            wrong.append("rm of an image that is a working directory works")
        except OSError as e:
            e.errno == 16 or wrong.append(f"rm of an image that is a working directory: {e}")
        ctl("rmi", f"-f {PLACE}:only")
    else:
        ctl("rmi", f"-f {PLACE}@{digest}")
    look("rmi of the last tag", "only", None)
    for path in deep:
        quiet(os.stat, path) == 2 or wrong.append(f"after rmi: {path}: {quiet(os.stat, path)}")
    if n % 2 and quiet(motd, "motd") != name:
        wrong.append(f"a working directory that was removed: {quiet(motd, 'motd')}")
    os.chdir("/")


def others(n):
    """The same store in another mount: within a second."""
    second = more[0]
    one, two = (mount, second) if n % 2 else (second, mount)
    within = 1 * LIMIT
    ctl("tag", f"{APP}:one {PLACE}:t", one)
    look("tag elsewhere", "t", "one", two, within)
    ctl("tag", f"{APP}:two {PLACE}:t", one)
    look("tag elsewhere to another image", "t", "two", two, within)
    os.rename(f"{one}/images/{PLACE}/t", f"{one}/images/{PLACE}/u")
    look("mv elsewhere", "u", "two", two, within)
    look("mv elsewhere", "t", None, two, within)
    ctl("rmi", f"{PLACE}:u", one)
    look("rmi elsewhere", "u", None, two, within)


def places(n):
    """Repositories come and go, and the ways to them."""
    top = f"localhost:1/org/way{n % 3}"
    way = f"{top}/down"
    tag = lambda: quiet(os.readlink, f"{IMAGES}/{way}/t")
    tag() == 2 or wrong.append(f"{way} is there before its time")
    ctl("tag", f"{APP}:one {way}:t")
    tag() == DIGESTS["one"] or wrong.append(f"{way}: {tag()}")
    for path, name in [(top, "down"), ("localhost:1/org", f"way{n % 3}"), ("localhost:1", "org")]:
        name in names(f"{IMAGES}/{path}") or wrong.append(f"{path} does not list {name}")
    # A tag of the name that the repository has: the repository is what the name leads to, while it is there.
    ctl("tag", f"{APP}:two {top}:down")
    tag() == DIGESTS["one"] or wrong.append(f"{way}: {tag()} beside a tag of that name")
    ctl("rmi", f"{way}:t")
    got = quiet(os.readlink, f"{IMAGES}/{way}")
    got == DIGESTS["two"] or wrong.append(f"{way} is no tag: {got}")
    ctl("rmi", f"{top}:down")
    for path in [way, top]:
        quiet(os.lstat, f"{IMAGES}/{path}") == 2 or wrong.append(f"{path} is still there")
    f"way{n % 3}" in names(f"{IMAGES}/localhost:1/org") and wrong.append(f"{top} is still listed")


def indexes(n):
    """The images of an index go with it."""
    ctl("pull", f"{APP}:index")
    ctl("tag", f"{APP}:index {PLACE}:index")
    here = f"{IMAGES}/{PLACE}/index/"
    child = os.path.realpath(here + "platforms/linux-amd64")
    plain = f"{mount}/{os.path.basename(child).replace(':', '/')}"
    deep = [child, child + "/manifest.json", child + "/rootfs/index", os.path.realpath(here) + "/rootfs/index"]
    plain = [plain, plain + "/rootfs/index"]
    for name in deep + plain:
        quiet(os.stat, name) == 2 and wrong.append(f"{name} is not there")
    ctl("rmi", f"-f {PLACE}:index")
    for name in deep:
        quiet(os.stat, name) == 2 or wrong.append(f"{name} is still there")
    for name in plain:
        quiet(os.stat, name) == 2 and wrong.append(f"{name} is not there, though another tag leads to it")
    ctl("rmi", f"-f {APP}:index")
    for name in plain:
        quiet(os.stat, name) == 2 or wrong.append(f"{name} is still there")


def exports(n):
    """export/image.tar tells the tags of the moment; inspect.json, too."""
    import json
    import tarfile

    there = f"{IMAGES}/{APP}/one"

    def told():
        with tarfile.open(f"{there}/export/image.tar") as tar:
            tar_tags = json.load(tar.extractfile("manifest.json"))[0]["RepoTags"]
        with open(f"{there}/inspect.json") as file:
            return f"{APP}:x{n}" in tar_tags, f"{APP}:x{n}" in json.load(file)[0]["RepoTags"]

    told() == (False, False) or wrong.append(f"export and inspect have a tag before its time: {told()}")
    ctl("tag", f"{APP}:one {APP}:x{n}")
    told() == (True, True) or wrong.append(f"export and inspect do not have the new tag: {told()}")
    ctl("rmi", f"{APP}:x{n}")
    told() == (False, False) or wrong.append(f"export and inspect have a tag that was removed: {told()}")


def parked(n):
    """Beside LOOKUPs in the same directory that wait for a registry which does not answer."""
    place = more[0]
    here, late = f"{IMAGES}/{place}", 2 * LIMIT

    def timed(verb, line):
        begin = time.monotonic()
        ctl(verb, line)
        time.monotonic() - begin < late or wrong.append(f"{verb} takes {time.monotonic() - begin:.1f} s")

    def leads_to(tag, name):
        begin = time.monotonic()
        got = quiet(os.readlink, f"{here}/{tag}")
        (got == DIGESTS.get(name, 2)) or wrong.append(f"{tag} leads to {got}")
        tag_listed = tag in os.listdir(here), tag in os.listdir(".")
        tag_listed == (name is not None,) * 2 or wrong.append(f"{tag} is listed: {tag_listed}")
        time.monotonic() - begin < late or wrong.append(f"looking at {tag} takes {time.monotonic() - begin:.1f} s")

    os.chdir(here)
    waiting = []
    for k in range(2 if n % 3 else 8):
        pid = os.fork()
        if pid == 0:
            time.sleep(k * 0.005 if n % 3 == 0 else 0)
            os._exit(quiet(os.lstat, f"{here}/absent{n}-{k}"))
        waiting.append(pid)
    # In every third round they come while names are changed: then some give way, and come again.
    # Whoever does not wait has had an errno, which is wrong, and said below.
    while n % 3 and stat_value("imagefs_jobs_waiting") < 2 and not any(map(has_ended, waiting)):
        time.sleep(0.001)
    try:
        leads_to("here", "one")
        timed("tag", f"{APP}:two {place}:new")
        leads_to("new", "two")
        quiet(motd, f"{here}/new/rootfs/etc/motd") == "two" or wrong.append("new has other content")
        timed("tag", f"{APP}:one {place}:new")
        leads_to("new", "one")
        timed("tag", f"{APP}:three {place}:last")
        quiet(motd, f"{here}/last/rootfs/etc/motd") == "three" or wrong.append("last has other content")
        timed("rmi", f"{place}:last")
        "last" in os.listdir(here) and wrong.append("last is still listed")
        timed("tag", f"{APP}:three {place}:last")
        leads_to("last", "three")
        timed("rmi", f"{place}:last {place}:new")
        leads_to("here", "one")
        DIGESTS["three"] in os.listdir(".") and wrong.append("the digest of last is still listed")
    finally:
        for pid in waiting:
            os.kill(pid, 9)
        for pid in waiting:
            status = os.waitpid(pid, 0)[1]
            os.WIFSIGNALED(status) or wrong.append(f"who waits for a registry had {os.strerror(os.WEXITSTATUS(status))}")
        os.chdir("/")


def has_ended(pid):
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def stat_value(key):
    with open(f"{mount}/ctl/stats") as file:
        return next(float(line.split()[1]) for line in file if line.split()[0] == key)


def main():
    with Readers(warm[what]) if what in warm else open(os.devnull):
        for n in range(rounds):
            globals()[what](n)
            if len(wrong) > 5:
                break
    print(*wrong, sep="\n")
    return bool(wrong)


warm = {
    "tags": paths("t") + paths("u")[:1] + [f"{IMAGES}/{PLACE}:t"],
    "mtimes": paths("t")[:1],
    "pulls": [f"{IMAGES}/{APP}/moving", f"{IMAGES}/{APP}:moving"],
    "removals": paths("only") + [f"{IMAGES}/{PLACE}/{DIGESTS['three']}", f"{IMAGES}/{PLACE}@{DIGESTS['three']}"],
    "places": [f"{IMAGES}/localhost:1/org/way{n}/down{t}" for n in range(3) for t in ["", "/t"]],
    "indexes": [f"{IMAGES}/{PLACE}/index", f"{IMAGES}/{PLACE}/index/platforms/linux-amd64"],
    "exports": [f"{IMAGES}/{APP}/one/export/image.tar", f"{IMAGES}/{APP}/one/inspect.json"],
}
if what == "others":
    warm["others"] = paths("t")[:2] + paths("t", more[0])[:2] + paths("u", more[0])[:1] + paths("u")[:1]
if what == "pulls":
    registry = oci.Registry(R)
    MANIFESTS = {n: open(f"{IMAGES}/{APP}/{n}/manifest.json", "rb").read() for n in DIGESTS}
sys.exit(main())
P
fresh() { python3 "$T/fresh.py" "$@"; }
pull_all() { for i in one two three; do pull "$R/app:$i" >/dev/null; done; }

mount_store -o lookup=local
pull_all

it "a tag that is set, moved, renamed or removed: $FRESH times" 'fresh tags "$FRESH" "$M"'
it "the mtime of a tag that is set to the same image once more" 'fresh mtimes "$FRESH" "$M"'
it "a tag that is pulled again with other content" 'fresh pulls "$FRESH" "$M"'
it "repositories and the ways to them, and tags of the same name" 'fresh places "$FRESH" "$M"'
it "a removed image never answers again; who works in it goes on" 'fresh removals $(((FRESH + 3) / 4)) "$M"; pull_all'
it "the images of an index go with it" 'fresh indexes $(((FRESH + 3) / 4)) "$M"'
it "export/image.tar and inspect.json tell the tags of the moment" 'fresh exports $(((FRESH + 3) / 4)) "$M"'
cat >"$T/many.py" <<'P'
"""many.py PATH: four processes that open and read it again and again; fails where one of them cannot."""
import os
import sys

pids = []
for _ in range(4):
    if (pid := os.fork()) == 0:
        for _ in range(500):
            with open(sys.argv[1]) as file:
                file.read()
        os._exit(0)
    pids.append(pid)
sys.exit(any([os.waitpid(pid, 0)[1] for pid in pids]))
P
it "inspect.json is made for several readers at once" 'python3 "$T/many.py" "$M/images/$R/app/one/inspect.json"'
NAME=second mount_store -m "$T/second" -o lookup=local
it "what another process changes is seen within a second" 'fresh others "$FRESH" "$M" "$T/second"'
NAME=second unmount_store -m "$T/second"

if ((EUID == 0)); then
    it "what is mounted on a directory of an image stays, whatever changes" '
        etc=$M/images/$R/app/$(readlink "$M/images/$R/app/two")/rootfs/etc
        mount -t tmpfs none "$etc"
        touch "$etc/inside"
        pull "$R/app:three" >/dev/null
        ctl tag "$R/app:one" "$R/app:mounted"
        rm "$M/images/$R/app/mounted"
        [ -e "$etc/inside" ]
        umount "$etc"
    '
fi

# --- names that are not there ---
absent() { expect_errno ENOENT stat "$1"; }
lookups() { stat_value "imagefs_fuse_requests_total{op=\"lookup\"}"; }
# asked_again PATH: how many of 100 looks at it come to imagefs. Each look at ctl/stats is some, too.
asked_again() {
    local before after base
    before=$(lookups)
    before=$(lookups)
    base=$(lookups)
    base=$((base - before))
    before=$(lookups)
    python3 -c "import os, sys
for i in range(100): os.path.lexists(sys.argv[1])" "$1"
    after=$(lookups)
    echo $((after - before - base))
}
it "with lookup=local a name that is not there is asked for once, until a pull brings it" '
    push_image late v1 >/dev/null
    for path in "$R/late/v1" "$R/late/v2" "$R/late" "$R/app/nothing"; do stat "$M/images/$path" >/dev/null 2>&1 || :; done
    absent "$M/images/$R/late/v1"
    absent "$M/images/$R/late:v1/rootfs"
    [ "$(asked_again "$M/images/$R/late/v1")" -le 5 ] || fail "$(asked_again "$M/images/$R/late/v1")"
    [ "$(asked_again "$M/images/$R/late/v1/rootfs/new")" -le 5 ]
    pull "$R/late:v1" >/dev/null
    eq "$(cat "$M/images/$R/late/v1/rootfs/new")" new
    eq "$(cat "$M/images/$R/late:v1/rootfs/new")" new
    absent "$M/images/$R/late/v2"
'
it "dot names are asked for once" '
    for name in .git .ignore .hidden; do
        for place in "" "/$R" "/$R/app" "/$R/app/one"; do
            absent "$M/images$place/$name"
            n=$(asked_again "$M/images$place/$name")
            [ "$n" -le 5 ] || fail "images$place/$name: $n"
        done
        absent "$M/$name"
    done
'
it "a warm path to a tag, a digest and what lies in it is not asked for again" '
    for path in one "$(readlink "$M/images/$R/app/one")" one/rootfs/etc/motd one/manifest.json one/layers/00/digest; do
        stat "$M/images/$R/app/$path" >/dev/null
        n=$(asked_again "$M/images/$R/app/$path")
        [ "$n" -le 5 ] || fail "$path: $n"
    done
'
it "history and inspect.json are made anew at each look" '
    for name in history inspect.json; do
        stat "$M/images/$R/app/one/$name" >/dev/null
        n=$(asked_again "$M/images/$R/app/one/$name")
        [ "$n" -ge 95 ] || fail "$name: $n"
    done
'
remount_store -o offline
it "offline, too, a name is there when a pull of another process has brought it" '
    push_image later v1 >/dev/null
    eq "$(errno_of stat "$M/images/$R/later/v1")" ENETUNREACH
    stat "$M/images/$R/later" >/dev/null 2>&1 || :
    NAME=second mount_store -m "$T/second"
    POINT=$T/second pull "$R/later:v1" >/dev/null
    until_true 1 "[ -L \"$M/images/$R/later/v1\" ]"
    eq "$(cat "$M/images/$R/later/v1/rootfs/new")" new
    NAME=second unmount_store -m "$T/second"
'

# --- names that a registry has ---
hostile <<'END'
on("/v2/dead/", stall="request")
END
remount_store -o allow_other
it "a registry says no, then a pull brings it: the next look has it" '
    for i in 1 2 3 4 5 6 7 8; do
        absent "$M/images/$R/app/brought$i"
        push_image app "brought$i" >/dev/null
        pull "$R/app:brought$i" >/dev/null
        [ -L "$M/images/$R/app/brought$i" ]
        ctl tag "$R/app:brought$i" "$R/app:given$i"
        [ -L "$M/images/$R/app/given$i" ]
    done
'
it "what a lookup has brought is not in use behind it" '
    for i in 1 2 3 4 5 6 7 8; do
        push_image "bring$i" v1 >/dev/null
        expect_errno ENOENT stat "$M/images/$R/bring$i/v1/rootfs/nothing"
        ctl rmi "$R/bring$i:v1"
    done
'
it "the no of a registry ends" '
    absent "$M/images/$R/app/soon"
    push_image app soon >/dev/null
    until_true 20 "[ -L \"$M/images/$R/app/soon\" ]"
    absent "$M/images/$R/unborn/v1/rootfs"
    push_image unborn v1 >/dev/null
    until_true 20 "[ -d \"$M/images/$R/unborn/v1/rootfs\" ]"
'
if ((EUID == 0)); then
    cp "$HERE/syscall.py" "$T/"
    it "what another user has looked for in vain is fetched for the owner at his next look" '
        push_image mine v1 >/dev/null
        push_image mine v2 >/dev/null
        other() { setpriv --reuid 65534 --regid 65534 --clear-groups python3 "$T/syscall.py" stat "$1"; }
        digest=$(build "print(Registry(R).push(\"mine\", \"v3\", Image([Layer([f(\"mine\", \"3\")])])))")
        for path in mine/v1 mine:v2 mine/v1/rootfs "mine/$digest" "mine@$digest" mine/v1/manifest.json; do
            other "$M/images/$R/$path/" | grep -x ENOENT
            other "$M/images/$R/$path/" | grep -x ENOENT
        done
        for path in mine/v1 mine:v2 mine/v1/rootfs "mine/$digest" "mine@$digest"; do [ -d "$M/images/$R/$path" ]; done
        for path in mine/v1 mine:v2 mine/v1/manifest.json "mine/$digest"; do other "$M/images/$R/$path" | grep -x ok; done
    '
fi
cat >"$T/listed.py" <<'P'
"""listed.py DIRECTORY NAME OPERATION: reads or lists the name in the directory, whose listing the kernel has: prints what is
listed more behind that."""
import os
import sys

directory, name, operation = sys.argv[1:]
os.stat(directory)
before = set(os.listdir(directory))
os.listdir(directory)
if operation == "list":
    os.listdir(f"{directory}/{name}")
else:
    with open(f"{directory}/{name}") as file:
        file.read()
print(*sorted(set(os.listdir(directory)) - before))
P
it "the listing of an image has at once what a look at a name in it has brought" '
    build "
image = Image([Layer([f(\"signed\", \"1\")])])
artifact = Artifact([(\"text/plain\", b\"x\", None)], \"application/spdx\", subject=image)
Registry(R).push(\"app\", \"signed\", image)
Registry(R).push(\"app\", digest(artifact.documents()[-1][1]), artifact)
Registry(R).push(\"app\", \"sha256-\" + digest(image.documents()[-1][1])[7:], Referrers([artifact]))"
    stat "$M/images/$R/app/signed/" "$M/images/$R/app/index/" >/dev/null
    signed=$M/images/$R/app/$(readlink "$M/images/$R/app/signed")
    index=$M/images/$R/app/$(readlink "$M/images/$R/app/index")
    stat "$signed" >/dev/null
    eq "$(python3 "$T/listed.py" "$signed" referrers list)" referrers
    manifest=$(jq -r ".manifests[0].digest" "$index/index.json")
    rm "$STORE/blobs/sha256/${manifest#*:}"
    remount_store -o allow_other
    eq "$(python3 "$T/listed.py" "$index" manifest.json read)" "Dockerfile config.json export history inspect.json layers manifest.json rootfs status"
'
it "beside LOOKUPs that wait for a registry, names of the same directory change at once" '
    ctl tag "$R/app:one" "$H/dead:here"
    fresh parked $(((FRESH + 3) / 4)) "$M" "$H/dead"
'
finish
