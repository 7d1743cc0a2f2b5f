/* SPDX-License-Identifier: MIT */
#include "store/tree/tree_build.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_MIN 1024
static_assert((SLOTS_MIN & (SLOTS_MIN - 1)) == 0, "places are found by a mask");
/* They bound the memory that a hostile image takes: some MB of it may say a thousandfold. */
#define COUNT_MAX (1u << 23) /* nodes or names */
#define STRINGS_MAX                                                                                \
	(128u << 20)	      /* bytes of distinct names, links' targets and attributes' values */
#define ATTRS_MAX (64u << 20) /* of distinct owners and modes */
#define SETS_MAX  (32u << 20) /* of distinct sets of attributes */

int tree_build_init(struct tree_build *b, struct err *err)
{
	int r;

	memset(b, 0, sizeof(*b));
	r = intern_init(&b->strings, STRINGS_MAX, err);
	if (!r)
		r = intern_init(&b->attrs, ATTRS_MAX, err);
	if (!r)
		r = intern_init(&b->sets, SETS_MAX, err);
	if (r)
		return r;
	if (getrandom(&b->seed, sizeof(b->seed), 0) != sizeof(b->seed))
		return err_sys(err, "getrandom");
	b->slots = calloc(SLOTS_MIN, sizeof(*b->slots));
	b->slot_count = SLOTS_MIN;
	return b->slots ? 0 : err_nomem(err);
}

void tree_build_free(struct tree_build *b)
{
	free(b->nodes);
	free(b->names);
	free(b->sparse);
	free(b->extents);
	free(b->slots);
	intern_free(&b->strings);
	intern_free(&b->attrs);
	intern_free(&b->sets);
	memset(b, 0, sizeof(*b));
}

/* Room for `more` elements behind `count` in the array at *array. */
static int tree_build_make_room(void *array, size_t element, uint32_t count, uint32_t more,
				uint32_t *cap, struct err *err)
{
	uint64_t want = (uint64_t)count + more;
	void *grown;

	if (want > COUNT_MAX)
		return err_set(err, EBADMSG, "more than %u files", COUNT_MAX);
	if (want <= *cap)
		return 0;
	if (want < *cap + *cap / 2)
		want = *cap + *cap / 2;
	if (want < 64)
		want = 64;
	grown = realloc(*(void **)array, want * element);
	if (!grown)
		return err_nomem(err);
	*(void **)array = grown;
	*cap = (uint32_t)want;
	return 0;
}

int tree_build_node(struct tree_build *b, const struct tree_attrs *attrs, uint64_t time,
		    uint32_t *out, struct err *err)
{
	struct build_node *n;
	int r =
	    tree_build_make_room(&b->nodes, sizeof(*b->nodes), b->node_count, 1, &b->node_cap, err);

	if (r)
		return r;
	n = &b->nodes[b->node_count];
	memset(n, 0, sizeof(*n));
	n->time = time;
	r = tree_build_set_attrs(b, b->node_count, attrs, err);
	if (r)
		return r;
	*out = b->node_count++;
	return 0;
}

int tree_build_dir(struct tree_build *b, const struct tree_attrs *attrs, uint64_t time,
		   uint32_t parent, uint32_t *out, struct err *err)
{
	int r = tree_build_node(b, attrs, time, out, err);
	struct build_node *n;

	if (r)
		return r;
	n = &b->nodes[*out];
	n->dir.first = n->dir.last = BUILD_NONE;
	n->dir.parent = parent;
	assert(parent < b->node_count);
	if (parent != *out)
		n->depth = (uint16_t)(b->nodes[parent].depth + 1);
	return 0;
}

int tree_build_implicit(struct tree_build *b, uint32_t parent, uint32_t *out, struct err *err)
{
	const struct tree_attrs attrs = {S_IFDIR | 0755, 0, 0, TREE_NONE, TREE_NO_SET};
	int r = tree_build_dir(b, &attrs, tree_time_pack(0, 0), parent, out, err);

	if (r)
		return r;
	b->nodes[*out].flags = BUILD_IMPLICIT;
	return 0;
}

int tree_build_sparse(struct tree_build *b, const struct entry *e, uint32_t *out, struct err *err)
{
	int r = tree_build_make_room(&b->sparse, sizeof(*b->sparse), b->sparse_count, 1,
				     &b->sparse_cap, err);

	if (!r)
		r = tree_build_make_room(&b->extents, sizeof(*b->extents), b->extent_count,
					 e->extent_count, &b->extent_cap, err);
	if (r)
		return r;
	memcpy(b->extents + b->extent_count, e->extents, e->extent_count * sizeof(*e->extents));
	b->sparse[b->sparse_count++] =
	    (struct build_sparse){e->stored, b->extent_count, e->extent_count};
	b->extent_count += e->extent_count;
	*out = b->sparse_count;
	return 0;
}

void tree_build_attrs(const struct tree_build *b, uint32_t node, struct tree_attrs *out)
{
	assert(node < b->node_count);
	memcpy(out, intern_get(&b->attrs, b->nodes[node].attrs, NULL), sizeof(*out));
}

int tree_build_set_attrs(struct tree_build *b, uint32_t node, const struct tree_attrs *attrs,
			 struct err *err)
{
	return intern_add(&b->attrs, attrs, sizeof(*attrs), &b->nodes[node].attrs, err);
}

uint32_t tree_build_type(const struct tree_build *b, uint32_t node)
{
	struct tree_attrs attrs;

	if (node == BUILD_NONE)
		return 0;
	tree_build_attrs(b, node, &attrs);
	return attrs.mode & S_IFMT;
}

static uint32_t tree_build_find_slot(const struct tree_build *b, uint32_t dir, uint32_t string)
{
	uint32_t mask = b->slot_count - 1, at;
	uint64_t hash = ((uint64_t)dir << 32 | string) ^ b->seed;

	hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	at = (uint32_t)(hash >> 32) & mask;
	for (; b->slots[at]; at = (at + 1) & mask) {
		const struct build_name *name = &b->names[b->slots[at] - 1];

		if (name->dir == dir && name->string == string)
			break;
	}
	return at;
}

/* Doubles the table where it is full; slots of names that were moved away go. */
static int tree_build_grow_slots(struct tree_build *b, struct err *err)
{
	uint32_t *old = b->slots;

	assert(b->slot_used < b->slot_count);
	if (b->slot_used < b->slot_count / 4 * 3)
		return 0;
	b->slots = calloc(2 * (size_t)b->slot_count, sizeof(*b->slots));
	if (!b->slots) {
		b->slots = old;
		return err_nomem(err);
	}
	b->slot_count *= 2;
	for (uint32_t i = 0; i < b->name_count; i++)
		b->slots[tree_build_find_slot(b, b->names[i].dir, b->names[i].string)] = i + 1;
	b->slot_used = b->name_count;
	free(old);
	return 0;
}

uint32_t tree_build_find(const struct tree_build *b, uint32_t dir, uint32_t string)
{
	uint32_t slot = tree_build_find_slot(b, dir, string);

	return b->slots[slot] ? b->slots[slot] - 1 : BUILD_NONE;
}

/* Behind the names that the directory has. */
static void append_name(struct tree_build *b, uint32_t name, uint32_t dir)
{
	struct build_node *n = &b->nodes[dir];

	assert(dir < b->node_count && name < b->name_count);
	if (n->dir.last == BUILD_NONE)
		n->dir.first = name;
	else
		b->names[n->dir.last].next = name;
	n->dir.last = name;
	b->names[name].next = BUILD_NONE;
	b->names[name].dir = dir;
}

int tree_build_name(struct tree_build *b, uint32_t dir, uint32_t string, uint32_t *out,
		    struct err *err)
{
	int r;

	*out = tree_build_find(b, dir, string);
	if (*out != BUILD_NONE)
		return 0;
	r = tree_build_make_room(&b->names, sizeof(*b->names), b->name_count, 1, &b->name_cap, err);
	if (!r)
		r = tree_build_grow_slots(b, err);
	if (r)
		return r;
	*out = b->name_count++;
	b->names[*out] = (struct build_name){.string = string, .node = BUILD_NONE};
	b->slots[tree_build_find_slot(b, dir, string)] = *out + 1;
	b->slot_used++;
	append_name(b, *out, dir);
	return 0;
}

int tree_build_move(struct tree_build *b, uint32_t name, uint32_t dir, struct err *err)
{
	int r = tree_build_grow_slots(b, err);

	if (r)
		return r;
	b->slots[tree_build_find_slot(b, dir, b->names[name].string)] = name + 1;
	b->slot_used++;
	append_name(b, name, dir);
	return 0;
}
