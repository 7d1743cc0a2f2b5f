#!/bin/bash
# SPDX-License-Identifier: MIT
# ctl/import: the archive of a root filesystem becomes an image.
. "$(dirname "$0")/lib.sh"
need_fuse
mount_store
build '
entries = [d("etc", mode=0o750, uid=7, gid=8), f("etc/motd", "hello\n", mtime=1600000000123456789), h("etc/same", "etc/motd", mtime=1600000000123456789),
    s("link", "etc/motd"), p("fifo"), c("null", 1, 3), f("cap", "x", mode=0o4755, xattrs={"security.capability": b"\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"}),
    f("big", __import__("random").Random(5).randbytes(3000) * 400), f("gnu/" + "n" * 200, "long", dialect="gnu")]
layer = Layer(entries)
write_layout(f"{T}/wanted", {"v1": Image([layer])})
open(f"{T}/root.tar", "wb").write(layer.tar + bytes(8192))
open(f"{T}/noend.tar", "wb").write(tar(entries, end=False))
open(f"{T}/root.tgz", "wb").write(gzip_bytes(layer.tar))
open(f"{T}/root.zst", "wb").write(zstd_bytes(layer.tar))'
python3 "$HERE/oracle.py" merge "$T/wanted:v1" >"$T/wanted.list"
same_files() { # REPOSITORY TAG
    python3 "$HERE/compare.py" "$T/wanted.list" "$M/images/$1/$2/rootfs"
}
config() { jq -c "$2" "$M/images/$1/config.json"; }
import() { ctl import "$@"; }
refuses() { # LINE ERRNO TEXT
    local out before
    before=$(find "$STORE/blobs" "$STORE/derived/layers" -type f | sort)
    out=$(import "$1" 2>&1) && fail "it was taken: $out"
    has "${out/ENOTSUP/EOPNOTSUPP}" "$2"
    has "$out" "$3"
    eq "$(ls -A "$STORE/partial")" ""
    eq "$(find "$STORE/blobs" "$STORE/derived/layers" -type f | sort)" "$before"
}

it "a line, and the archive behind it" '
    { echo "team/app:1 -m \"from ci\" -c '"'CMD [\\\"/bin/sh\\\"]'"'"; cat "$T/root.tar"; } >"$M/ctl/import"
    matches "$(cat "$M/ctl/import")" "sha256:$(sha "$M/images/team/app/1/config.json")"
    same_files team/app 1
    eq "$(config team/app/1 .config.Cmd)" "[\"/bin/sh\"]"
    eq "$(config team/app/1 "[.history[0].comment, .history[0].created_by]")" "[\"from ci\",null]"
    eq "$(config team/app/1 "[.os, .variant]")" "[\"linux\",null]"
'
it "a plain archive is compressed, without the padding behind it" '
    manifest=$M/images/team/app/1/manifest.json
    has "$(cat "$manifest")" "diff.tar.gzip"
    (($(jq ".layers[0].size" "$manifest") < $(stat -c %s "$T/root.tar") / 2)) || fail "$(cat "$manifest")"
    eq "$(config team/app/1 ".rootfs.diff_ids|length")" 1
    gunzip -t <"$M/images/team/app/1/layers/00/blob"
    eq "$(gunzip -c <"$M/images/team/app/1/layers/00/blob" | sha256sum | cut -d" " -f1)" "$(config team/app/1 .rootfs.diff_ids[0] | tr -d \" | cut -d: -f2)"
'
it "gzip and zstd are kept as they are; a file by its path; only the ID is printed" '
    id=$(import "$T/root.tgz gz:1")
    eq "$id" "sha256:$(sha "$M/images/gz/1/config.json")"
    cmp "$M/images/gz/1/layers/00/blob" "$T/root.tgz"
    import "$T/root.zst z" >/dev/null
    cmp "$M/images/z/latest/layers/00/blob" "$T/root.zst"
    same_files gz 1
    same_files z latest
    eq "$(config z/latest .history[0].comment)" "\"Imported from $T/root.zst\""
'
it "an archive without its end marker, and none of the line" '
    before=$(tail -1 "$M/ctl/import")
    cat "$T/noend.tar" >"$M/ctl/import"
    until_true 10 "tail -1 $M/ctl/import | grep sha256 | grep -v '\''$before'\''"
    has "$(ctl images --no-trunc)" "$(grep -o "sha256:.*" "$M/ctl/import" | tail -1)"
'
it "- is what follows" '
    { echo "- dash:1"; cat "$T/root.tgz"; } >"$M/ctl/import"
    same_files dash 1
    eq "$(config dash/1 .history[0].comment)" "\"Imported from -\""
'
it "changes, in the grammar of a Dockerfile" '
    import "-c \"ENV A=b C=\\\"d e\\\" P=\\\$A:/x\" -c \"ENV Old v w\" -c \"LABEL a.b=c\" -c \"EXPOSE 80 443/udp 9000-9001\" -c \"VOLUME /data /more\" \
-c \"WORKDIR /a\" -c \"WORKDIR b\" -c \"user 1:2\" -c \"HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f x\" -c \"ONBUILD RUN ls\" \
-c \"STOPSIGNAL 9\" -c \"ENTRYPOINT echo hi\" --platform linux/arm64 $T/root.tgz ch:1" >/dev/null
    eq "$(config ch/1 .config.Env)" "[\"A=b\",\"C=d e\",\"P=b:/x\",\"Old=v w\"]"
    eq "$(config ch/1 .config.ExposedPorts)" "{\"80/tcp\":{},\"443/udp\":{},\"9000/tcp\":{},\"9001/tcp\":{}}"
    eq "$(config ch/1 "[.config.WorkingDir, .config.User, .config.StopSignal, .architecture]")" "[\"/a/b\",\"1:2\",\"9\",\"arm64\"]"
    eq "$(config ch/1 .config.Entrypoint)" "[\"/bin/sh\",\"-c\",\"echo hi\"]"
    eq "$(config ch/1 .config.Healthcheck)" "{\"Interval\":90000000000,\"Retries\":3,\"Test\":[\"CMD-SHELL\",\"curl -f x\"]}"
    eq "$(config ch/1 "[.config.OnBuild, .config.Volumes, .config.Labels]")" "[[\"RUN ls\"],{\"/data\":{},\"/more\":{}},{\"a.b\":\"c\"}]"
'
it "what is refused leaves nothing" '
    refuses "-c \"RUN x\" $T/root.tgz" EINVAL "RUN is not a valid change command"
    refuses "-c \"EXPOSE x\" $T/root.tgz" EINVAL "invalid containerPort: x"
    refuses "http://localhost/root.tar x:1" EOPNOTSUPP "nothing is downloaded"
    refuses "root.tar x:1" EINVAL "must be absolute"
    refuses "$T/root.tgz Bad:1" EINVAL "must be lowercase"
    refuses "$T/root.tgz x@sha256:$(sha "$T/root.tgz")" EINVAL "cannot import digest reference"
    refuses "$T/nothing x:1" ENOENT "No such file"
    refuses "$M/README x:1" EINVAL "this mount"
    refuses "$HERE/lib.sh x:1" EBADMSG "not a tar header"
    for at in 100 512 5000 1000000; do
        head -c $at "$T/root.tar" >"$T/cut"
        ((at == 512)) || refuses "$T/cut x:1" EBADMSG "unexpected EOF"
    done
    for at in 5 100 $(($(stat -c %s "$T/root.tgz") - 4)); do
        head -c $at "$T/root.tgz" >"$T/cut"
        refuses "$T/cut x:1" EBADMSG "unexpected EOF"
    done
    xz -c "$T/root.tar" >"$T/root.xz"
    refuses "$T/root.xz x:1" EOPNOTSUPP "compression xz"
'
it "the store is a valid layout, that skopeo reads by every name" 'valid_store'
finish
