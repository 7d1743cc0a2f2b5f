#!/bin/bash
# SPDX-License-Identifier: MIT
# ctl/images prints what docker images prints.
. "$(dirname "$0")/lib.sh"
need_fuse
start_registry
old() { date -u -d "$1 ago" +%Y-%m-%dT%H:%M:%SZ; }
AGO=$(old "3 days")
push_image team/app v1 "Image([Layer([f('a', 'x' * 50000)])], created='$AGO')" >/dev/null
push_image team/app v2 "Image([Layer([f('a', 'x' * 50000)])], created='$AGO')" >/dev/null
DIGEST=$(push_image other latest "Image([Layer([f('b')])], created='$(old "5 weeks")')")
push_image nested/deep/name v1 "Image([Layer([f('c')])], created='$(old "90 minutes")')" >/dev/null
mount_store
for name in team/app:v1 team/app:v2 other nested/deep/name:v1; do pull "$R/$name" >/dev/null; done
C=$M/ctl
row() { grep -E "^$R/$1 +$2 " "$C/images${3:-}"; }

it "the header is that of docker images" '
    matches "$(head -1 "$C/images")" "^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$"
'
it "a row per tag, the newest image first" '
    eq "$(wc -l <"$C/images")" 5
    eq "$(awk "NR > 1 { print \$1 \":\" \$2 }" "$C/images" | sed -n 1,3p | tr "\n" " ")" "$R/nested/deep/name:v1 $R/team/app:v1 $R/team/app:v2 "
'
it "columns stand below each other" '
    python3 - "$C/images" <<END
import sys
lines = open(sys.argv[1]).read().splitlines()
for name in ("TAG", "IMAGE ID", "CREATED", "SIZE"):
    column = lines[0].index(name)
    for line in lines[1:]:
        assert line[column - 1] == " " and line[column] != " ", (name, line)
END
'
it "CREATED is in words of docker" '
    has "$(row team/app v1)" "3 days ago"
    has "$(row other latest)" "5 weeks ago"
    has "$(row nested/deep/name v1)" "2 hours ago"
'
it "SIZE has three digits and a unit without a space" 'matches "$(row other latest)" " [0-9.]+(B|kB|MB)$"'
it "IMAGE ID is 12 digits, --no-trunc the whole" '
    matches "$(row other latest | awk "{ print \$3 }")" "^[0-9a-f]{12}$"
    matches "$(row other latest "?--no-trunc" | awk "{ print \$3 }")" "^sha256:[0-9a-f]{64}$"
'
it "--digests shows what the registry calls it" 'has "$(row other latest "?--digests")" "$DIGEST"'
it "-q prints one ID a row" '
    eq "$(wc -l <"$C/images?-q")" 4
    fails grep -vqE "^[0-9a-f]{12}$" "$C/images?-q"
'
it "a repository as argument selects it" 'eq "$(wc -l <"$C/images?${R}%2Fteam%2Fapp")" 3'
it "a repository with its tag selects one" 'eq "$(wc -l <"$C/images?${R}%2Fteam%2Fapp:v1")" 2'
it "--filter reference= is a pattern in which * does not cross a slash" '
    eq "$(cat "$C/images?-q --filter reference=${R}%2F*%2Fapp" | wc -l)" 2
    eq "$(cat "$C/images?-q --filter reference=${R}%2F*" | wc -l)" 1
    eq "$(cat "$C/images?-q --filter reference=${R}%2F*%2F*:v2" | wc -l)" 1
    eq "$(cat "$C/images?-q --filter reference=nothing" | wc -l)" 0
'
it "--format json has the members of docker" '
    cat "$C/images?--format json --no-trunc" >"$T/json"
    eq "$(wc -l <"$T/json")" 4
    eq "$(jq -c "keys" "$T/json" | sort -u)" "[\"Containers\",\"CreatedAt\",\"CreatedSince\",\"Digest\",\"ID\",\"Repository\",\"SharedSize\",\"Size\",\"Tag\",\"UniqueSize\"]"
    eq "$(jq -r "select(.Tag == \"latest\") | .Repository" "$T/json")" "$R/other"
    eq "$(jq -r "[.[] | type] | unique | join(\",\")" "$T/json" | sort -u)" string
'
it "--format raw has a line for each field, and a blank one behind them" '
    id=$(row other latest | awk "{ print \$3 }") at=$(cat "$C/images?--format {{.CreatedAt}} ${R}%2Fother")
    eq "$(cat "$C/images?--format raw ${R}%2Fother"; echo .)" "repository: $R/other
tag: latest
image_id: $id
created_at: $at
virtual_size: $(row other latest | awk "{ print \$NF }")

."
    eq "$(cat "$C/images?--format raw --digests ${R}%2Fother" | sed -n 3p)" "digest: $DIGEST"
    eq "$(cat "$C/images?--format raw -q ${R}%2Fother")" "image_id: $id"
    eq "$(cat "$C/df?--format raw" | sed -n "1p;2p;6p;7p" | tr "\n" ";")" "type: Images;total: 3;;type: Containers;"
'
it "--digests gives a table of a format the column that it lacks" '
    eq "$(cat "$C/images?--digests --format \"table {{.Tag}}\" ${R}%2Fother" | tr -s " ")" "TAG DIGEST
latest $DIGEST"
    eq "$(cat "$C/images?--digests --format \"table {{.Digest}}\" ${R}%2Fother")" "DIGEST
$DIGEST"
    eq "$(cat "$C/images?--digests --format {{.Tag}} ${R}%2Fother")" latest
'
it "a bad filter is said in words of docker" '
    expect_errno EINVAL read "$C/images?--filter foo"
'
it "an image without a tag shows as <none>" '
    before=$(readlink "$M/images/$R/other/latest")
    push_image other latest "Image([Layer([f(\"new\")])])" >/dev/null
    pull "$R/other@$before" >/dev/null
    pull "$R/other:latest" >/dev/null
    eq "$(cat "$C/images?--digests" | grep "$before" | awk "{ print \$2 }")" "<none>"
'
it "history of an image is the table of docker history" '
    has "$(sed -n 2p "$M/images/$R/team/app/v1/history")" "3 days ago"
    matches "$(sed -n 3p "$M/images/$R/team/app/v1/history")" "^<missing> +3 days ago +/bin/sh -c #\(nop\) ADD layer 0 in / +[0-9.]+k?B"
'

# --- formats, filters, and the other tables ---
Q="'"
push_image labelled v1 'Image([Layer([f("x", "1")])], labels={"stage": "prod"}, created="2020-01-01T00:00:00Z")' >/dev/null
push_image shared v1 'Image([Layer([f("common", "c")]), Layer([f("a", "1")])])' >/dev/null
push_image shared v2 'Image([Layer([f("common", "c")]), Layer([f("b", "2")])])' >/dev/null
for i in labelled:v1 shared:v1 shared:v2; do pull "$R/$i" >/dev/null; done
it "--format takes templates" '
    eq "$(ctl images --format "{{.Repository}}:{{.Tag}}" "$R/labelled")" "$R/labelled:v1"
    eq "$(ctl images "--format ${Q}table {{.Tag}}\t{{.Repository}}$Q $R/labelled" | sed -n 1p)" "TAG       REPOSITORY"
    eq "$(ctl images "--format \"{{if eq .Tag \\\"v1\\\"}}one{{else}}other{{end}}\" $R/shared" | sort | xargs)" "one other"
    expect_errno EINVAL write "$M/ctl/images" "--format {{.Nope}}"
'
it "filters: label, label!, before, since, until, dangling; keys and labels add up" '
    eq "$(ctl images -q -f label=stage | wc -l)" 1
    eq "$(ctl images -q -f label=stage=prod -f label=org.example.test=yes | wc -l)" 1
    eq "$(ctl images -q -f label=stage=prod -f label=nope | wc -l)" 0
    eq "$(ctl images -f label!=stage --format "{{.Repository}}" | grep -c labelled)" 0
    eq "$(ctl images -f before=$R/shared:v1 --format "{{.Repository}}" | sort -u)" "$R/labelled"
    eq "$(ctl images -f since=$R/labelled:v1 --format "{{.Repository}}" | grep -c labelled)" 0
    eq "$(ctl images -f until=2021-01-01 --format "{{.Repository}}")" "$R/labelled"
    eq "$(ctl images -q -f dangling=true | wc -l)" 0
    ctl tag "$R/shared:v1" t:1
    ctl tag "$R/labelled:v1" t:1
    ctl rmi "$R/shared:v1" >/dev/null
    ctl tag "$R/labelled:v1" only:1
    expect_errno ENOENT write "$M/ctl/images" "-f before=nosuch"
'
it "a dangling image is <none>, <none>" '
    ctl tag "$R/shared:v2" d:1
    ctl rmi "$R/shared:v2" >/dev/null
    ctl tag "$R/labelled:v1" d:1
    matches "$(ctl images -f dangling=true | tail -1)" "^<none> +<none> +[0-9a-f]{12} "
    ctl prune >/dev/null
    pull "$R/shared:v1" >/dev/null
    pull "$R/shared:v2" >/dev/null
'
it "history has docker options" '
    matches "$(ctl history "$R/labelled:v1" | sed -n 1p)" "^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$"
    eq "$(ctl history "$R/labelled:v1")" "$(cat "$M/images/$R/labelled/v1/history")"
    matches "$(ctl history --human=false "$R/labelled:v1" | tail -1)" "<missing> +2020-01-01T00:00:00Z +/bin/sh"
    eq "$(ctl history -q --no-trunc "$R/labelled:v1" | sed -n 1p)" "sha256:$(sha "$M/images/$R/labelled/v1/config.json")"
    eq "$(ctl history --format "{{.Comment}}x" "$R/labelled:v1" | sed -n 1p)" x
    expect_errno ENOENT write "$M/ctl/history" "--platform linux/arm64 $R/labelled:v1"
'
it "inspect: by name or ID, several, templates" '
    eq "$(ctl inspect "$R/labelled:v1")" "$(cat "$M/images/$R/labelled/v1/inspect.json")"
    id=$(sha "$M/images/$R/labelled/v1/config.json")
    eq "$(ctl inspect "-f \"{{.Id}} {{.Os}}/{{.Architecture}} {{index .Config.Labels \\\"stage\\\"}}\" ${id:0:12}")" "sha256:$id linux/amd64 prod"
    eq "$(ctl inspect "$R/labelled:v1" "$R/shared:v1" | jq length)" 2
    eq "$(ctl inspect "-f \"{{range .Config.Env}}{{println .}}{{end}}\" $R/labelled:v1" | sed -n 1p)" "PATH=/usr/bin:/bin"
    expect_errno ENOENT write "$M/ctl/inspect" nosuch
    if have podman && [[ $EUID == 0 ]]; then
        podman="podman --root $T/podman --runroot $T/podrun --storage-driver vfs --events-backend none"
        $podman load -q <"$M/images/$R/labelled/v1/export/image.tar" >/dev/null
        $podman image inspect "$R/labelled:v1" >"$T/theirs"
        for key in .Id .Created .Os .Architecture .RootFS.Layers .Config.Labels .Config.Env; do
            theirs=$(jq -cS ".[0]$key" "$T/theirs")
            ours=$(ctl inspect "$R/labelled:v1" | jq -cS ".[0]$key")
            ours=${ours#\"sha256:}
            eq "${ours#\"}" "${theirs#\"}"
        done
    fi
'
it "df counts a shared blob once, and as no reclaimable byte" '

    images=$(jq -r ".manifests[].digest" "$STORE/index.json" | sort -u | wc -l)
    eq "$(ctl df "--format \"{{.Type}} {{.TotalCount}} {{.Active}}\"" | sed -n 1p)" "Images $images 0"
    eq "$(ctl df | sed 1d | cut -c1-16 | xargs)" "Images Containers Local Volumes Build Cache"
    shared=$(ctl df -v | grep "shared *v1")
    matches "$shared" "[0-9.]+k?B +[0-9.]+B +[0-9.]+k?B +0$"
    exec 5<"$M/images/$R/labelled/v1/rootfs/x"
    eq "$(ctl df --format "{{.Active}}" | sed -n 1p)" 1
'
it "df -v with a format is of all kinds at once" '
    ctl df -v --format json >"$T/json"
    eq "$(jq -c keys_unsorted "$T/json")" "[\"Images\",\"Containers\",\"Volumes\",\"BuildCache\"]"
    eq "$(jq -c "[.Images[] | keys_unsorted] | unique" "$T/json")" "[[\"Containers\",\"CreatedAt\",\"CreatedSince\",\"Digest\",\"ID\",\"Repository\",\"SharedSize\",\"Size\",\"Tag\",\"UniqueSize\"]]"
    eq "$(jq ".Images | length" "$T/json")" "$(ctl df --format "{{.TotalCount}}" | sed -n 1p)"
    eq "$(ctl df -v --format "${Q}{{range .Images}}{{if eq .Tag \"v2\"}}{{.Repository}} {{.UniqueSize}}{{println}}{{end}}{{end}}$Q" | grep -c "$R/shared")" 1
    expect_errno EINVAL write "$M/ctl/df" "-v --format {{.Nope}}"
    eq "$(ctl df -v --format table)" "$(ctl df -v)"
'
it "what is no image is in no table, but takes space" '
    size=$(ctl df --format "{{.TotalCount}}/{{.Size}}" | sed -n 1p)
    push_image art v1 "Artifact([(\"text/plain\", b\"x\" * 12345, {})])" >/dev/null
    pull "$R/art:v1" >/dev/null
    eq "$(ctl images -q "$R/art" | wc -l)" 0
    eq "$(ctl df -v | grep -c "$R/art")" 0
    now=$(ctl df --format "{{.TotalCount}}/{{.Size}}" | sed -n 1p)
    eq "${now%/*}" "${size%/*}"
    [ "$now" != "$size" ]
    has "$(ctl inspect "$R/art:v1" 2>/dev/null)" "is no image"
'
it "--platform is strict, and its miss is said in words of docker" '
    push_image two v1 "Index([Image([Layer([f(\"a\", i)])], architecture=i) for i in (\"arm64\", \"amd64\")])" >/dev/null
    pull --platform linux/arm64 "$R/two:v1" >/dev/null
    eq "$(ctl inspect -f "{{.Architecture}}" "$R/two:v1")" arm64
    eq "$(ctl inspect --platform linux/arm64 -f "{{.Architecture}}" "$R/two:v1")" arm64
    for p in linux/amd64 linux/s390x; do
        has "$(ctl inspect --platform $p "$R/two:v1" 2>/dev/null)" "image with reference $R/two:v1 was found but does not provide the specified platform ($p)"
    done
'
it "--tree has the platforms of each image, --view 29 the images alone" '
    tree=$(cat "$C/images?--tree")
    short() { digest=$(jq -r ".manifests[$1].digest" "$M/images/$R/two/v1/index.json" | cut -d: -f2); echo "${digest:0:12}"; }
    size=$(grep -A2 "^$R/two:v1 " <<<"$tree" | sed -n "2s/.* //p")
    eq "$(grep -A2 "^$R/two:v1 " <<<"$tree" | tr -s " ")" "$R/two:v1 $(readlink "$M/images/$R/two/v1" | cut -c8-19) $size $size
├─ linux/arm64 $(short 0) $size $size
└─ linux/amd64 $(short 1) 0B 0B"
    matches "$size" "^[0-9.]+k?B$"
    flat=$(cat "$C/images?--view 29")
    eq "$(tail -n +2 <<<"$flat" | cut -d" " -f1)" "$(ctl images --format "{{.Repository}}:{{.Tag}}" | grep -v "<none>" | LC_ALL=C sort)"
    eq "$(grep "^$R/two:v1 " <<<"$flat" | tr -s " ")" "$(grep "^$R/two:v1 " <<<"$tree" | tr -s " ")"
    matches "$(grep "^$R/team/app:v1 " <<<"$flat")" "[0-9.]+k?B +[0-9.]+k?B$"
    for option in -q --no-trunc "--format json"; do
        fails cat "$C/images?--tree $option"
    done
    has "$(ctl images --tree -q 2>&1)" "--quiet is not yet supported with --tree"
'
it "names of one image are lines of their own in the list, and in the tree one above the other, the longest first" '
    for name in zz alias other-alias; do ctl tag "$R/two:v1" "$name:1" >/dev/null; done
    columns=$(grep "^$R/two:v1 " "$C/images?--view 29" | tr -s " " | cut -d" " -f2-)
    for name in zz alias other-alias; do has "$(tr -s " " <"$C/images?--view 29")" "$name:1 $columns"; done
    eq "$(grep -B4 "^├─ linux/arm64" "$C/images?--tree" | tr -s " ")" "$R/two:v1
other-alias:1
alias:1
zz:1 $columns
$(grep "^├─ linux/arm64" "$C/images?--tree" | tr -s " ")"
    ctl rmi zz:1 alias:1 other-alias:1 >/dev/null
'
it "dangling images are there with -a alone, and what is held by a digest is in the tree" '
    untagged() { grep -c "^<untagged> " "$C/images?$1" || :; }
    before=$(untagged --tree)
    push_image dangles v1 "Image([Layer([f(\"a\", \"old\")])])" >/dev/null
    pull "$R/dangles:v1" >/dev/null
    push_image dangles v1 "Image([Layer([f(\"a\", \"new\")])])" >/dev/null
    pull "$R/dangles:v1" >/dev/null
    push_image held v1 "Image([Layer([f(\"a\", \"held\")])])" >/dev/null
    held=$(ctl manifest inspect -v "$R/held:v1" | jq -r .Descriptor.digest)
    pull "$R/held@$held" >/dev/null
    eq "$(untagged --tree) $(untagged "--view 29")" "$((before + 1)) 0"
    all=$(untagged "--tree -a") dangling=$(ctl images -q -f dangling=true | wc -l)
    eq "$all" "$((before + 1 + dangling))"
    eq "$(untagged "--view 29 -a") $(untagged "--view 29 -f dangling=true")" "$all $dangling"
    eq "$(tail -n 1 "$C/images?--view 29 -a" | cut -d" " -f1)" "<untagged>"
    ctl rmi "$R/held@$held" >/dev/null
'
it "of an index in an index the tree has the platforms" '
    push_image deep v1 "Index([Index([Image([Layer([f(\"a\", i)])], architecture=i) for i in (\"arm64\", \"amd64\")])])" >/dev/null
    for p in arm64 amd64; do pull --platform linux/$p "$R/deep:v1" >/dev/null; done
    tree=$(grep -A2 "^$R/deep:v1 " "$C/images?--tree" | tr -s " ")
    eq "$(cut -d" " -f1,2 <<<"$tree" | tail -n 2)" "├─ linux/arm64
└─ linux/amd64"
    hasnt "$tree" " 0B"
'
it "an image that is here in part has less than its size" '
    push_image lazy v1 "Image([Layer([f(\"a\", \"x\" * 100)])])" >/dev/null
    cat "$M/images/$R/lazy/v1/config.json" >/dev/null
    set -- $(grep "^$R/lazy:v1 " "$C/images?--view 29")
    fails [ "$3" = "$4" ]
'
# --- what docker prints, byte for byte ---
AT=$(old "2300 days")
push_image gold/app v1 'Image([Layer([f("a", "x" * 50000)]), Layer([f("b", "y")])], created="'$AT'", history=[
    {"created": "2000-01-01T00:00:00Z", "created_by": "/bin/sh -c #(nop) ADD file:0123456789abcdef0123456789abcdef in / "},
    {"created": "'${AT%Z}'.5Z", "created_by": "RUN /bin/sh -c a\tb # buildkit", "comment": "buildkit.dockerfile.v0"},
    {"created": "'$AT'", "created_by": "CMD [\"sh\"]", "empty_layer": True}])' >/dev/null
pull "$R/gold/app:v1" >/dev/null
ctl tag "$R/gold/app:v1" "$R/gold/app:stable"
LONG=$(push_image gold/a-longer-name v1 'Image([Layer([f("a", "1")])], created="'$(old "6000 days")'")')
pull "$R/gold/a-longer-name@$LONG" >/dev/null
APP=$(sha "$M/images/$R/gold/app/v1/config.json")
DIGEST=$(readlink "$M/images/$R/gold/app/v1")
LONGER=$(sha "$M/images/$R/gold/a-longer-name/sha256:"*/config.json)
cell() { printf '%-*s' $((${#R} + $1)) "$2"; } # a cell as wide as the registry's name and so much more
it "golden: docker images" '
    diff <(ctl images "$R/gold/*") - <<END
$(cell 22 REPOSITORY)TAG       IMAGE ID       CREATED        SIZE
$(cell 22 "$R/gold/app")stable    ${APP:0:12}   6 years ago    53.8kB
$(cell 22 "$R/gold/app")v1        ${APP:0:12}   6 years ago    53.8kB
$(cell 22 "$R/gold/a-longer-name")<none>    ${LONGER:0:12}   16 years ago   2.05kB
END
'
it "golden: docker images --digests, -q, --no-trunc, json" '
    eq "$(ctl images --digests "$R/gold/app:v1")" "$(cell 12 REPOSITORY)TAG       DIGEST                                                                    IMAGE ID       CREATED       SIZE
$(cell 12 "$R/gold/app")v1        $DIGEST   ${APP:0:12}   6 years ago   53.8kB"
    eq "$(ctl images -q "$R/gold/app")" "${APP:0:12}
${APP:0:12}"
    eq "$(ctl images -q --no-trunc "$R/gold/app:v1")" "sha256:$APP"
    wanted="{\"Containers\":\"N/A\",\"CreatedAt\":\"$(date -u -d "$AT" "+%F %T +0000 UTC")\",\"CreatedSince\":\"6 years ago\",\"Digest\":\"\\u003cnone\\u003e\",\"ID\":\"${APP:0:12}\",\"Repository\":\"$R/gold/app\",\"SharedSize\":\"N/A\",\"Size\":\"53.8kB\",\"Tag\":\"v1\",\"UniqueSize\":\"N/A\"}"
    eq "$(ctl images --format json "$R/gold/app:v1")" "$wanted"
    eq "$(ctl images --format "${Q}{{json .}}$Q" "$R/gold/app:v1")" "$wanted"
    eq "$(ctl images -q --format "{{.Tag}}" "$R/gold/app" | xargs)" "stable v1"
'
it "golden: a table without a row has its header, a template without one is checked" '
    eq "$(ctl images nothing)" "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE"
    eq "$(ctl images -q nothing)" ""
    expect_errno EINVAL write "$M/ctl/images" "--format {{nope}} nothing"
    expect_errno EINVAL write "$M/ctl/images" "--format '"'table {{.Nope}}'"' nothing"
    eq "$(ctl images "--format {{.Nope}} nothing")" ""
'
it "golden: the header of a template has no looks" '
    eq "$(ctl images --format "${Q}table {{lower .Tag}}\t{{json .ID}}\t{{.CreatedAt}}$Q" "$R/gold/app:v1")" "TAG       IMAGE ID         CREATED AT
v1        \"${APP:0:12}\"   $(date -u -d "$AT" "+%F %T +0000 UTC")"
'
it "golden: docker history" '
    diff <(ctl history "$R/gold/app:v1") - <<END
IMAGE          CREATED       CREATED BY                                      SIZE      COMMENT
${APP:0:12}   6 years ago   CMD ["sh"]                                      0B        
<missing>      6 years ago   RUN /bin/sh -c a b # buildkit                   2.05kB    buildkit.dockerfile.v0
<missing>      N/A           /bin/sh -c #(nop) ADD file:0123456789abcdef0…   51.7kB    
END
    diff <(ctl history --human=false -q "$R/gold/app:v1") <(printf "%s\n" "${APP:0:12}" "<missing>" "<missing>")
    eq "$(ctl history --format json "$R/gold/app:v1" | sed -n 2p)" "{\"Comment\":\"buildkit.dockerfile.v0\",\"CreatedAt\":\"$AT\",\"CreatedBy\":\"RUN /bin/sh -c a b # buildkit\",\"CreatedSince\":\"6 years ago\",\"ID\":\"\\u003cmissing\\u003e\",\"Size\":\"2.05kB\"}"
'
it "images and history agree about the size" '
    sum=$(ctl history --human=false --format "{{.Size}}" "$R/gold/app:v1" | awk "{ s += \$1 } END { print s }")
    eq "$sum" "$(ctl inspect -f "{{.Size}}" "$R/gold/app:v1")"
'
it "inspect -f: empty members print as docker prints them" '
    eq "$(ctl inspect -f "${Q}{{.Config.Entrypoint}}|{{.Config.User}}|{{.Config.Volumes}}|{{.Author}}|{{json .Config.Shell}}$Q" "$R/gold/app:v1")" "[]||map[]||null"
    eq "$(ctl inspect -f "${Q}{{index .Config.Labels \"nope\"}}$Q" "$R/gold/app:v1")" ""
    eq "$(ctl inspect -f "${Q}{{range \$k, \$v := .Config.Labels}}{{\$k}}={{\$v}} {{end}}$Q" "$R/labelled:v1")" "org.example.test=yes stage=prod "
    eq "$(ctl inspect -f "${Q}{{json .Config}}$Q" "$R/gold/app:v1")" "$(ctl inspect "$R/gold/app:v1" | jq -c ".[0].Config")"
'
it "inspect prints those that are there, and says what is not" '
    exec 3<>"$M/ctl/inspect"
    { echo "nosuch $R/gold/app:v1 alsonot" >&3; } 2>/dev/null && fail "should fail"
    answer=$(cat <&3)
    eq "$(sed -n "/^\\[/,/^\\]/p" <<<"$answer" | jq -r ".[].RepoTags[]" | xargs)" "$R/gold/app:stable $R/gold/app:v1"
    eq "$(tail -2 <<<"$answer")" "No such image: nosuch:latest
No such image: alsonot:latest"
    eq "$(tail -1 "$M/ctl/events" | jq -r .message)" "$(tail -2 <<<"$answer")"
'
it "inspect of several images is one document" '
    both=$(ctl inspect "$R/gold/app:v1" "$R/labelled:v1")
    eq "$both" "$(jq --indent 4 . <<<"$both")"
    eq "$(jq -c ".[0]" <<<"$both")" "$(ctl inspect "$R/gold/app:v1" | jq -c ".[0]")"
    eq "$(jq -c ".[1]" <<<"$both")" "$(ctl inspect "$R/labelled:v1" | jq -c ".[0]")"
    eq "$(ctl inspect -f json "$R/gold/app:v1" "$R/labelled:v1")" "$(jq -c . <<<"$both")"
    eq "$(ctl inspect -f json nosuch 2>/dev/null | sed -n 1p)" "[]"
'
# A deep config, of which indentation makes a hundred MB; a history with one line that is as wide as all of it.
build "
import json, oci
oci.dump = lambda doc: json.dumps(doc, separators=(',', ':')).encode()
deep = Image([Layer([f('a')])])
deep.config_doc['config']['Healthcheck'] = {'Test': eval('[' * 26 + '1,' * 500000 + ']' * 26)}
deep.seal()
wide = Image([Layer([f('a')])])
wide.config_doc['history'] = [{'created_by': 'x' * (1000000 if n == 1 else 10), 'empty_layer': n > 0} for n in range(5000)]
wide.seal()
for image, name in (deep, 'deep'), (wide, 'wide'): Registry(R).push(name, 'v1', image)"
it "an image that was made to be endless in print is an error, and nothing else" '
    pull "$R/deep:v1" >/dev/null
    pull "$R/wide:v1" >/dev/null
    expect_errno EFBIG write "$M/ctl/inspect" "$R/deep:v1"
    expect_errno EFBIG read "$M/images/$R/deep/v1/inspect.json"
    expect_errno EFBIG write "$M/ctl/history" "--no-trunc $R/wide:v1"
    expect_errno EINVAL write "$M/ctl/inspect" "-f ${Q}{{range split (printf \"%999d\" 1) \" \"}}{{json \$}}{{end}}$Q $R/deep:v1"
    eq "$(ctl inspect -f "{{.Os}}" "$R/deep:v1")" linux
    eq "$(ctl history -q "$R/wide:v1" | wc -l)" 5000
    [ "$(awk "/^VmHWM/ { print int(\$2 / 1024) }" "/proc/$(pid_of imagefs)/status")" -le $((500 * TIMEOUT_FACTOR)) ]
'

# --- words of a stranger that steer a terminal ---------------------------------------------------

push_image harm v1 'Image([Layer([f("x", "x")])], labels={"a": "\x1b]0;t\x07 \u009b2J \u202e!", "k\u202e": "v"},
    history=[{"created": "2024-01-01T00:00:00Z", "created_by": "RUN \x1b[2J\u009b1A\u202etxt.exe\tend", "comment": "\u2066\x7f"}])' >/dev/null
pull "$R/harm:v1" >/dev/null
harmless() { # TEXT: no control but line feeds and tabs, and something is there
    python3 -c 'import sys, unicodedata
text = sys.stdin.buffer.read().decode()
bad = [hex(ord(c)) for c in text if c not in "\n\t" and (unicodedata.category(c) == "Cc" or c in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")]
sys.exit(bad and f"controls: {bad}" or not text and "nothing")'
}
it "templates, tables, answers, outcomes and created_by are shown harmless" '
    I=$M/images/$R/harm/v1
    for template in "{{.Config.Labels}}" "{{index .Config.Labels \"a\"}}" "{{json .Config.Labels}}" "{{range \$k,\$v := .Config.Labels}}{{\$k}}={{\$v}}{{end}}"; do
        ctl inspect "-f $Q$template$Q $R/harm:v1" | harmless
    done
    ctl inspect "$R/harm:v1" | harmless
    ctl history "--no-trunc $R/harm:v1" | harmless
    ctl history "--no-trunc --format {{.CreatedBy}}{{.Comment}} $R/harm:v1" | harmless
    cat "$I/history" "$I/inspect.json" "$I/layers/00/created_by" | harmless
    getfattr --only-values -n user.imagefs.created_by "$I/rootfs/x" | harmless
    fails ctl pull "$(printf "a\033[2Jb\302\233c\342\200\256")"
    cat "$M/ctl/pull" "$M/ctl/events" | harmless
'
it "and JSON means the same" '
    eq "$(ctl inspect "-f $Q{{json .Config.Labels}}$Q $R/harm:v1" | jq -cS .)" "$(jq -cS .config.Labels "$M/images/$R/harm/v1/config.json")"
    eq "$(jq -cS ".[0].Config.Labels" "$M/images/$R/harm/v1/inspect.json")" "$(jq -cS .config.Labels "$M/images/$R/harm/v1/config.json")"
'
it "what promises bytes has them" 'has "$(cat "$M/images/$R/harm/v1/config.json")" "RUN \u001b[2J"'
finish
