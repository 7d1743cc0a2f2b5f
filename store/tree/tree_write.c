/* SPDX-License-Identifier: MIT */
#include "store/tree/tree_write.h"

#include "store/base/io.h"
#include "store/base/xxh.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define CHUNK	      65536
#define UNUSED	      UINT32_MAX
#define NAME_MAX_BYTE 255

struct child {
	uint32_t number; /* of its node */
	uint32_t name;
};

struct tree_writer {
	struct tree_build *b; /* borrowed */
	uint32_t root;
	struct tree_header header;
	uint32_t *strings;	/* where each lies in the file; UNUSED: left out */
	uint32_t *attrs, *sets; /* number in the file, or UNUSED */
	uint32_t *order;	/* nodes by their number */
	struct child *children; /* of the directory under way; room for the largest */
	uint32_t children_max;
	XXH3_state_t *hash;
	struct buf out;
	int fd;
	struct err *err;
	int r; /* the first error; nothing is written after it */
};

/* Output: everything goes through put(), which hashes it. */

static void tree_write_flush(struct tree_writer *w)
{
	if (w->r)
		return;
	if (buf_failed(&w->out)) {
		w->r = err_nomem(w->err);
		return;
	}
	XXH3_64bits_update(w->hash, w->out.data, w->out.len);
	w->r = io_write_all(w->fd, w->out.data, w->out.len, w->err);
	buf_reset(&w->out);
}

static void tree_write_put(struct tree_writer *w, const void *data, size_t len)
{
	buf_append(&w->out, data, len);
	if (w->out.len >= CHUNK)
		tree_write_flush(w);
}

/* Which nodes are there, and what of the tables they use. */

static void use_string(struct tree_writer *w, uint32_t string)
{
	w->strings[string] = 0;
}

static void use_set(struct tree_writer *w, uint32_t set)
{
	struct build_xattr x;
	uint32_t len;
	const char *bytes = intern_get(&w->b->sets, set, &len);

	if (w->sets[set] != UNUSED)
		return;
	w->sets[set] = 0;
	for (uint32_t at = 0; at < len; at += sizeof(x)) {
		memcpy(&x, bytes + at, sizeof(x));
		use_string(w, x.name);
		use_string(w, x.value);
		w->header.xattrs++;
	}
}

static void use_node(struct tree_writer *w, uint32_t node)
{
	struct build_node *n = &w->b->nodes[node];
	struct tree_attrs attrs;

	tree_build_attrs(w->b, node, &attrs);
	w->attrs[n->attrs] = 0;
	if (attrs.set != TREE_NO_SET)
		use_set(w, attrs.set);
	if (S_ISLNK(attrs.mode))
		use_string(w, n->link.target);
	if (S_ISREG(attrs.mode) && n->file.sparse) {
		w->header.sparse++;
		w->header.extents += w->b->sparse[n->file.sparse - 1].count;
	}
	n->nlink = S_ISDIR(attrs.mode) ? 2 : 0;
	n->number = 0; /* it is there; numbered below */
}

/* The children of a directory: those that were not met before join the queue. */
static void use_dir(struct tree_writer *w, uint32_t dir, uint32_t *queued)
{
	struct tree_build *b = w->b;

	b->nodes[dir].dir.live = 0;
	for (uint32_t i = b->nodes[dir].dir.first; i != BUILD_NONE; i = b->names[i].next) {
		uint32_t node = b->names[i].node;

		if (node == BUILD_NONE)
			continue;
		if (b->nodes[node].number == TREE_NONE) {
			use_node(w, node);
			assert(*queued < b->node_count);
			w->order[(*queued)++] = node;
		}
		if (S_ISDIR(tree_build_type(b, node)))
			b->nodes[dir].nlink++;
		else
			b->nodes[node].nlink++;
		use_string(w, b->names[i].string);
		b->nodes[dir].dir.live++;
	}
	w->header.dirents += b->nodes[dir].dir.live;
	if (w->children_max < b->nodes[dir].dir.live)
		w->children_max = b->nodes[dir].dir.live;
}

/* Walks the tree from the root, then numbers what it met: the root, and the others in the order in
 * which they were made, which is that of the layers and their archives. */
static void number_nodes(struct tree_writer *w)
{
	struct tree_build *b = w->b;
	uint32_t queued = 0, number = 1;

	for (uint32_t i = 0; i < b->node_count; i++)
		b->nodes[i].number = TREE_NONE;
	use_node(w, w->root);
	w->order[queued++] = w->root;
	for (uint32_t i = 0; i < queued; i++)
		if (S_ISDIR(tree_build_type(b, w->order[i])))
			use_dir(w, w->order[i], &queued);
	w->header.nodes = queued;
	w->order[0] = w->root;
	for (uint32_t i = 0; i < b->node_count; i++) {
		if (b->nodes[i].number == TREE_NONE || i == w->root)
			continue;
		w->order[number] = i;
		b->nodes[i].number = number++;
	}
	assert(number == queued); /* all that was met, once */
}

/* Gives what is used its place in the file. */

static uint32_t place_numbers(uint32_t *table, uint32_t count)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < count; i++)
		if (table[i] != UNUSED)
			table[i] = number++;
	return number;
}

static int place_strings(struct tree_writer *w)
{
	uint64_t offset = 0;

	for (uint32_t i = 0; i < w->b->strings.count; i++) {
		uint32_t len;

		if (w->strings[i] == UNUSED)
			continue;
		intern_get(&w->b->strings, i, &len);
		w->strings[i] = (uint32_t)offset + 1; /* behind its length */
		offset += (uint64_t)len + 2;
		if (offset > UINT32_MAX)
			return err_set(w->err, EBADMSG, "too many names");
	}
	w->header.string_bytes = offset;
	return 0;
}

static int place(struct tree_writer *w, enum tree_kind kind, uint32_t dropped)
{
	struct tree_header *h = &w->header;

	memcpy(h->magic, TREE_MAGIC, sizeof(h->magic));
	h->version = TREE_VERSION;
	h->byte_order = TREE_BYTE_ORDER;
	h->kind = kind;
	h->dropped = dropped;
	h->attrs = place_numbers(w->attrs, w->b->attrs.count);
	h->sets = place_numbers(w->sets, w->b->sets.count);
	if (place_strings(w))
		return -EBADMSG;
	h->file_size = tree_file_size(h);
	return 0;
}

/* The sections, in the order of the file. */

static void put_nodes(struct tree_writer *w)
{
	uint32_t dirent = 0;

	for (uint32_t i = 0; i < w->header.nodes; i++) {
		const struct build_node *n = &w->b->nodes[w->order[i]];
		struct tree_node out = {n->time, w->attrs[n->attrs], n->nlink, {{0}}};
		uint32_t len;

		switch (tree_build_type(w->b, w->order[i])) {
		case S_IFDIR:
			out.dir.first = dirent;
			out.dir.count = n->dir.live;
			out.dir.parent = i ? w->b->nodes[n->dir.parent].number : 0;
			dirent += n->dir.live;
			break;
		case S_IFREG:
			out.file.data = n->file.data;
			out.file.size = n->file.size;
			if (n->file.sparse)
				out.nlink |= TREE_NLINK_SPARSE;
			break;
		case S_IFLNK:
			intern_get(&w->b->strings, n->link.target, &len);
			out.link.target = w->strings[n->link.target];
			out.link.len = len;
			break;
		case S_IFCHR:
		case S_IFBLK:
			out.device.major = n->device.major;
			out.device.minor = n->device.minor;
			break;
		}
		tree_write_put(w, &out, sizeof(out));
	}
	assert(dirent == w->header.dirents);
}

/* The map of a node, or NULL. */
static const struct build_sparse *sparse_of(const struct tree_writer *w, uint32_t number)
{
	const struct build_node *n = &w->b->nodes[w->order[number]];

	if (!S_ISREG(tree_build_type(w->b, w->order[number])) || !n->file.sparse)
		return NULL;
	return &w->b->sparse[n->file.sparse - 1];
}

static void put_sparse(struct tree_writer *w)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < w->header.nodes; i++) {
		const struct build_sparse *s = sparse_of(w, i);

		if (!s)
			continue;
		tree_write_put(w, &(struct tree_sparse){s->stored, i, first, s->count, 0},
			       sizeof(struct tree_sparse));
		first += s->count;
	}
	assert(first == w->header.extents);
	for (uint32_t i = 0; i < w->header.nodes; i++) {
		const struct build_sparse *s = sparse_of(w, i);
		uint64_t before = 0;

		for (uint32_t k = 0; s && k < s->count; k++) {
			const struct extent *x = &w->b->extents[s->first + k];

			tree_write_put(w, &(struct tree_extent){x->offset, before},
				       sizeof(struct tree_extent));
			before += x->length;
		}
	}
}

static int compare_numbers(const void *pa, const void *pb)
{
	const struct child *a = pa, *b = pb;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->name < b->name ? -1 : a->name > b->name; /* two links to one file */
}

static int tree_write_compare_names(const void *pa, const void *pb, void *arg)
{
	const struct tree_writer *w = arg;
	const struct child *a = &w->children[*(const uint32_t *)pa];
	const struct child *b = &w->children[*(const uint32_t *)pb];
	uint32_t alen, blen;
	const char *as = intern_get(&w->b->strings, w->b->names[a->name].string, &alen);
	const char *bs = intern_get(&w->b->strings, w->b->names[b->name].string, &blen);
	int order = memcmp(as, bs, alen < blen ? alen : blen);

	return order ? order : (alen > blen) - (alen < blen);
}

/* The children of a directory in their order; how many. */
static uint32_t list_children(struct tree_writer *w, uint32_t dir)
{
	uint32_t count = 0;

	for (uint32_t i = w->b->nodes[dir].dir.first; i != BUILD_NONE; i = w->b->names[i].next)
		if (w->b->names[i].node != BUILD_NONE)
			w->children[count++] =
			    (struct child){w->b->nodes[w->b->names[i].node].number, i};
	assert(count == w->b->nodes[dir].dir.live && count <= w->children_max);
	qsort(w->children, count, sizeof(*w->children), compare_numbers);
	return count;
}

static void put_dirents(struct tree_writer *w)
{
	for (uint32_t i = 0; i < w->header.nodes; i++) {
		uint32_t count = 0;

		if (S_ISDIR(tree_build_type(w->b, w->order[i])))
			count = list_children(w, w->order[i]);
		for (uint32_t k = 0; k < count; k++) {
			const struct child *c = &w->children[k];
			uint32_t string = w->b->names[c->name].string;

			tree_write_put(w, &(struct tree_name){w->strings[string], c->number},
				       sizeof(struct tree_name));
		}
	}
}

static void put_by_name(struct tree_writer *w)
{
	autofree uint32_t *positions = calloc(w->children_max + 1, sizeof(*positions));

	if (!positions && !w->r)
		w->r = err_nomem(w->err);
	for (uint32_t i = 0; i < w->header.nodes && !w->r; i++) {
		uint32_t count;

		if (!S_ISDIR(tree_build_type(w->b, w->order[i])))
			continue;
		count = list_children(w, w->order[i]);
		for (uint32_t k = 0; k < count; k++)
			positions[k] = k;
		qsort_r(positions, count, sizeof(*positions), tree_write_compare_names, w);
		tree_write_put(w, positions, count * sizeof(*positions));
	}
}

static void put_attrs(struct tree_writer *w)
{
	for (uint32_t i = 0; i < w->b->attrs.count; i++) {
		struct tree_attrs attrs;

		if (w->attrs[i] == UNUSED)
			continue;
		memcpy(&attrs, intern_get(&w->b->attrs, i, NULL), sizeof(attrs));
		if (attrs.set != TREE_NO_SET)
			attrs.set = w->sets[attrs.set];
		tree_write_put(w, &attrs, sizeof(attrs));
	}
}

static void tree_write_put_xattrs(struct tree_writer *w)
{
	const struct intern *sets = &w->b->sets;
	uint32_t first = 0, len;

	for (uint32_t i = 0; i < sets->count; i++) {
		struct tree_set set = {first, 0};

		if (w->sets[i] == UNUSED)
			continue;
		intern_get(sets, i, &len);
		set.count = len / (uint32_t)sizeof(struct build_xattr);
		first += set.count;
		tree_write_put(w, &set, sizeof(set));
	}
	for (uint32_t i = 0; i < sets->count; i++) {
		const char *bytes = intern_get(sets, i, &len);

		for (uint32_t at = 0; w->sets[i] != UNUSED && at < len;
		     at += sizeof(struct build_xattr)) {
			struct build_xattr x;
			uint32_t size;

			memcpy(&x, bytes + at, sizeof(x));
			intern_get(&w->b->strings, x.value, &size);
			tree_write_put(
			    w, &(struct tree_xattr){w->strings[x.name], w->strings[x.value], size},
			    sizeof(struct tree_xattr));
		}
	}
}

static void put_strings(struct tree_writer *w)
{
	for (uint32_t i = 0; i < w->b->strings.count; i++) {
		uint32_t len;
		const char *bytes;
		uint8_t byte;

		if (w->strings[i] == UNUSED)
			continue;
		bytes = intern_get(&w->b->strings, i, &len);
		byte = len > NAME_MAX_BYTE ? 0 : (uint8_t)len;
		tree_write_put(w, &byte, 1);
		tree_write_put(w, bytes, (size_t)len + 1);
	}
}

static int write_file(struct tree_writer *w)
{
	struct tree_header *h = &w->header;
	size_t skip = offsetof(struct tree_header, version);

	/* The two fields before the checksummed part are written when the sum is known. */
	w->r = io_write_all(w->fd, h, skip, w->err);
	tree_write_put(w, (const char *)h + skip, sizeof(*h) - skip);
	put_nodes(w);
	put_sparse(w);
	put_dirents(w);
	put_by_name(w);
	put_attrs(w);
	tree_write_put_xattrs(w);
	put_strings(w);
	tree_write_flush(w);
	if (w->r)
		return w->r;
	h->checksum = XXH3_64bits_digest(w->hash);
	return io_pwrite_all(w->fd, h, skip, 0, w->err);
}

static uint32_t *new_table(uint32_t count)
{
	uint32_t *table = malloc(((size_t)count + 1) * sizeof(*table));

	if (table)
		memset(table, 0xff, count * sizeof(*table)); /* UNUSED */
	return table;
}

int tree_write(struct tree_build *b, uint32_t root, enum tree_kind kind, uint32_t dropped, int fd,
	       struct err *err)
{
	struct tree_writer w = {.b = b, .root = root, .fd = fd, .err = err};
	int r;

	w.strings = new_table(b->strings.count);
	w.attrs = new_table(b->attrs.count);
	w.sets = new_table(b->sets.count);
	w.order = new_table(b->node_count);
	w.hash = XXH3_createState();
	r = w.strings && w.attrs && w.sets && w.order && w.hash ? 0 : err_nomem(err);
	if (!r) {
		XXH3_64bits_reset(w.hash);
		number_nodes(&w);
		r = place(&w, kind, dropped);
	}
	if (!r) {
		w.children = calloc((size_t)w.children_max + 1, sizeof(*w.children));
		r = w.children ? write_file(&w) : err_nomem(err);
	}
	free(w.strings);
	free(w.attrs);
	free(w.sets);
	free(w.order);
	free(w.children);
	buf_free(&w.out);
	XXH3_freeState(w.hash);
	return r;
}
