/* SPDX-License-Identifier: MIT */
#include "fs/ctl/verb.h"

#include <string.h>

const struct verb verbs[] = {
    {"df", "[-v] [--format FORMAT]", "what takes how much of the disk", .kind = VERB_QUESTION,
     .bare = true, .run = verb_df},
    {"diff",
     "[-q] [--summary] [--times] [--human=false] [--format FORMAT] [--platform P]... [--layer "
     "N]... "
     "[--up-to N]... IMAGE [IMAGE]",
     "what is otherwise in the second image than in the first, by path", .kind = VERB_QUESTION,
     .run = verb_diff},
    {"events", "", "what happened here, a JSON object a line (tail -f follows it)",
     .kind = VERB_LOG},
    {"fsck", "[--repair] [IMAGE...]",
     "reads all that is here, and says what is damaged; or fetches that again",
     .kind = VERB_REQUEST, .bare = true, .run = verb_fsck},
    {"help", "", "this list", .kind = VERB_TABLE, .bare = true, .others = true, .run = verb_help},
    {"history", "[-q] [--no-trunc] [--human=false] [--format FORMAT] [--platform P] IMAGE",
     "the steps that made an image", .kind = VERB_TABLE, .others = true, .run = verb_history},
    {"images",
     "[-a] [-q] [--digests] [--no-trunc] [--filter KEY=VALUE] [--format FORMAT] [--tree] [PATTERN]",
     "the images of the store", .kind = VERB_TABLE, .bare = true, .others = true,
     .run = verb_images},
    {"index", "[-q] [--platform OS/ARCH[/VARIANT]] NAME[:TAG|@DIGEST]",
     "makes a table of contents for an image's layers, and attaches it to that at its registry",
     .kind = VERB_REQUEST, .remote = true, .run = verb_index},
    {"inspect", "[-f TEMPLATE] [-s] [--type image] [--platform P] IMAGE...",
     "all that is known of an image", .kind = VERB_TABLE, .others = true, .run = verb_inspect},
    {"import", "[-c CHANGE]... [-m MESSAGE] [--platform P] [/FILE|-] [NAME[:TAG]]",
     "makes an image of a root filesystem's archive: of what follows the line, or of a file",
     .kind = VERB_STREAM, .stream = &verb_import},
    {"jobs", "[TOKEN [LINE]]", "what is under way, and how many wait for it", .kind = VERB_TABLE,
     .bare = true, .run = verb_jobs},
    {"load", "[-i PATH] [-q] [--platform OS/ARCH[/VARIANT]]",
     "takes the images of an archive: of what follows, or of a file (cat app.tar > ctl/load)",
     .kind = VERB_STREAM, .stream = &verb_load},
    {"login", "-u NAME|--stored [SERVER]",
     "keeps credentials that the registry takes; the secret comes on the next line",
     .kind = VERB_STREAM, .stream = &verb_login},
    {"logout", "[SERVER]", "forgets them", .kind = VERB_REQUEST, .bare = true, .run = verb_logout},
    {"manifest", "[inspect] [-v] NAME[:TAG|@DIGEST]", "a manifest or index at its registry",
     .kind = VERB_QUESTION, .remote = true, .run = verb_manifest},
    {"pull", "[-a] [-q] [--platform OS/ARCH[/VARIANT]] NAME[:TAG|@DIGEST]",
     "fetches an image with all its layers", .kind = VERB_REQUEST, .remote = true,
     .run = verb_pull},
    {"prune", "[-a] [--filter until=TIME|label=L|label!=L]",
     "removes images that dangle (-a: all that no file is open of), and all that nothing needs",
     .kind = VERB_REQUEST, .bare = true, .run = verb_prune},
    {"push", "[-a] [-q] [--platform OS/ARCH[/VARIANT]] NAME[:TAG]",
     "stores an image at its registry", .kind = VERB_REQUEST, .remote = true, .run = verb_push},
    {"rmi", "[-f] IMAGE...", "removes names, and with its last name an image", .kind = VERB_REQUEST,
     .run = verb_rmi},
    {"save", "[--platform OS/ARCH[/VARIANT]] [--index] IMAGE...",
     "images as an archive: the file 'ctl/save?IMAGE...', whose name a request is answered with",
     .kind = VERB_ARCHIVE, .run = verb_save},
    {"search", "[--limit N] [--filter KEY=VALUE] [--no-trunc] [--format FORMAT] [HOST/]TERM",
     "looks for repositories at Docker Hub, or at another registry", .kind = VERB_QUESTION,
     .run = verb_search},
    {"stats", "", "counters, as Prometheus text", .kind = VERB_TABLE, .bare = true, .others = true,
     .run = verb_stats},
    {"tag", "SOURCE TARGET", "gives an image one more name", .kind = VERB_REQUEST, .run = verb_tag},
    {"verify", "NAME[:TAG|@DIGEST] --key PATH [-a KEY=VALUE]",
     "checks that the owner of a key has signed an image (cosign)", .kind = VERB_QUESTION,
     .run = verb_verify},
};
const size_t verbs_count = sizeof(verbs) / sizeof(verbs[0]);

const struct verb *verb_find(const char *name, size_t len)
{
	for (size_t i = 0; i < verbs_count; i++)
		if (strlen(verbs[i].name) == len && !memcmp(verbs[i].name, name, len))
			return &verbs[i];
	return NULL;
}

bool verb_answers(const struct verb *verb)
{
	return verb->kind == VERB_TABLE || verb->kind == VERB_QUESTION;
}

bool verb_takes_line(const struct verb *verb)
{
	return verb_answers(verb) || verb->kind == VERB_ARCHIVE;
}

bool verb_may_read(const struct verb *verb, bool owner)
{
	return owner || verb->others;
}

int verb_no_arguments(const char *verb, const struct words *args, struct err *err)
{
	const struct args_option none[] = {{0}};
	struct words operands = WORDS_INIT;
	int r = args_parse(args, none, &operands, err);

	if (!r)
		r = args_count(verb, &operands, 0, 0, err);
	words_clear(&operands);
	return r;
}
