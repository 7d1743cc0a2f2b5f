/* SPDX-License-Identifier: MIT */
#include "fs/tree/image_status.h"

#include "fs/tree/fetch_plan.h"
#include "store/disk/blob.h"
#include "store/disk/held.h"
#include "store/layer/layer_name.h"
#include "store/tree/tree.h"

#include <inttypes.h>

static const char *layer_state(struct store *s, const struct manifest *m, size_t layer,
			       uint64_t *here)
{
	const struct descriptor *d = &m->layers[layer];

	if (blob_exists(s, &d->digest, d->size)) {
		*here = d->size;
		return "whole";
	}
	*here = held_bytes_of(s, &d->digest, d->size);
	return layer_check_is_table(image_layer_name(s, m, layer).check) ? "table" : "none";
}

/* What no kernel could show: a name of more than 255 bytes, a path of more than 4,095, … */
static void put_dropped(struct fs *fs, const struct image *i, struct buf *out)
{
	size_t count = i->manifest->layer_count;
	autofree struct layer_name *layers = image_layer_names(fs->store, i->manifest, 0, count);
	AUTO(tree_close) struct tree *t = NULL;

	if (layers && tree_open(fs->store, TREE_MERGED, layers, count, &t, NULL) == 0 &&
	    tree_dropped(t))
		buf_printf(out,
			   "%" PRIu32 " entries of its layers are not in rootfs/: no kernel could "
			   "show them\n",
			   tree_dropped(t));
}

int image_status(struct fs *fs, const struct image *i, struct buf *out, struct err *err)
{
	uint64_t here = 0, size = 0, coming = 0;
	char text[DIGEST_TEXT_MAX];

	buf_printf(out, "%-5s %-5s %14s %14s %14s %s\n", "LAYER", "STATE", "HERE", "SIZE", "COMING",
		   "DIGEST");
	for (size_t n = 0; n < i->manifest->layer_count; n++) {
		const struct descriptor *d = &i->manifest->layers[n];
		uint64_t layer_here, layer_coming = fetch_plan_coming(fs->fetch_plan, &d->digest);
		const char *state = layer_state(fs->store, i->manifest, n, &layer_here);

		buf_printf(out, "%02zu    %-5s %14" PRIu64 " %14" PRIu64 " %14" PRIu64 " %s\n", n,
			   state, layer_here, d->size, layer_coming, digest_text(&d->digest, text));
		here += layer_here;
		size += d->size;
		coming += layer_coming;
	}
	buf_printf(out, "all   %-5s %14" PRIu64 " %14" PRIu64 " %14" PRIu64 " %s\n",
		   here == size ? "whole" : "", here, size, coming,
		   digest_text(&i->descriptor.digest, text));
	put_dropped(fs, i, out);
	return buf_failed(out) ? err_nomem(err) : 0;
}
