#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/setup.sh, with an apt of our own: nothing is installed.
. "$(dirname "$0")/lib.sh"

TOP=$HERE/..
LIST=$T/list # of packages that are not installed
ASKED=$T/asked
mkdir "$T/stubs"
stub() { # stub NAME: its lines come as input
    { echo '#!/bin/bash'; cat; } >"$T/stubs/$1"
    chmod +x "$T/stubs/$1"
}
stub dpkg-query <<<'grep -qsx "${!#}" "$LIST" && exit 1; echo installed'
# More than a pipe holds, as apt's own answer may be.
stub apt-cache <<<'grep -qx "$2" "$LIST" || exit 100
echo "Package: $2"; echo "Version: 1"; seq 20000'
stub apt-get <<<'echo "$*" >>"$ASKED"; [[ -z ${REFUSED:-} || $* != *"$REFUSED"* ]]'
stub tee <<<'cat >/dev/null' # the policy that keeps services from starting
stub chmod <<<':'
stub sudo <<<'[[ -z ${NO_SUDO:-} ]] && while [[ $1 == -* ]]; do shift; done && "$@"'

# setup MISSING…: runs setup.sh where these are not installed, for WHAT (build); what it says, in $T/out.
setup() {
    printf '%s\n' "$@" >"$LIST"
    : >"$ASKED"
    PATH=$T/stubs:$PATH "$TOP/scripts/setup.sh" ${WHAT:-build} >"$T/out" 2>"$T/err" || { cat "$T/out" "$T/err"; return 1; }
}

it "setup.sh says nothing where all is there" 'setup; eq "$(cat "$T/out" "$T/err" "$ASKED")" ""'
it "an optional library that apt has is installed, however much apt says of it" '
    setup libisal-dev
    has "$(cat "$ASKED")" "install -y --no-install-recommends libisal-dev"
    eq "$(cat "$T/out")" ""'
it "one that apt does not have is left out, with a word" '
    stub apt-cache <<<"exit 100"
    setup libisal-dev
    eq "$(cat "$ASKED")" ""
    has "$(cat "$T/out")" "Left out: libisal-dev (apt knows no such package)"'
stub apt-cache <<<'echo "Package: $2"; echo "Version: 1"; seq 20000'
it "one that cannot be fetched ends nothing, and is told of" '
    REFUSED=libisal-dev setup libisal-dev
    has "$(cat "$T/out")" "Left out: libisal-dev (apt could not install it)"'
it "it is told of once, however many sets want it" '
    WHAT="test bench" REFUSED=libisal-dev setup libisal-dev
    eq "$(grep -c "Left out" "$T/out")" 1'
it "nor does it where others are to be installed, which are" '
    REFUSED=libisal-dev setup libisal-dev make zlib1g-dev
    has "$(cat "$ASKED")" "install -y --no-install-recommends make zlib1g-dev"
    has "$(cat "$T/out")" "Left out: libisal-dev"'
it "what fuzzes is installed for the tests alone, and ends nothing either" '
    setup clang
    eq "$(cat "$ASKED")" ""
    WHAT=test setup clang
    has "$(cat "$ASKED")" "install -y --no-install-recommends clang"
    WHAT=test REFUSED=clang setup clang jq
    has "$(cat "$ASKED")" "install -y --no-install-recommends jq"
    has "$(cat "$T/out")" "Left out: clang (apt could not install it). Without it, the fuzz targets are not run."'
it "a package that is needed and cannot be had ends it" '
    REFUSED=make fails setup libisal-dev make
    has "$(cat "$T/err")" "apt could not install these packages: make"'
if ((EUID != 0)); then
    it "without rights, the optional one is left out" '
        NO_SUDO=1 setup libisal-dev
        has "$(cat "$T/out")" "(installing it takes root)"'
fi

# Under pipefail a pipe fails where its reader has seen enough and its writer has not: by chance, and far from the cause.
it "no script pipes into what may stop reading" '
    cd "$TOP"
    found=$(grep -nE "[^|]\|[[:space:]]*(head\b|grep( -[a-zA-Z]+)* -[a-zA-Z]*[qm])" scripts/*.sh scripts/bench/*.py tests/*.sh tests/images/*.sh |
        grep -v ":#\|81-setup.sh") || :
    eq "$found" ""'
