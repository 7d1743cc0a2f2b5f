/* SPDX-License-Identifier: MIT */
#include "store/names.h"

#include "store/io.h"
#include "store/layout.h"
#include "store/layout_name.h"
#include "store/ref.h"
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX_PATH	"index.json"
#define PULLED		"org.imagefs.pulled"
#define READ_TRIES	5
#define READ_PAUSE_NS	10000000
#define NANOSECONDS	1000000000L
#define TO_STRING_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct names {
	unsigned references; /* atomic */
	struct stat file;    /* of the index.json that it was read from */
	struct name *items;  /* owned; sorted by reference, equal ones in the file's order */
	size_t count;
};

static void name_clear(struct name *n)
{
	free(n->reference);
	descriptor_clear(&n->descriptor);
}

static void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		name_clear(&n->items[i]);
	free(n->items);
	free(n);
}

void names_put(struct names *n)
{
	if (n && __atomic_sub_fetch(&n->references, 1, __ATOMIC_ACQ_REL) == 0)
		names_free(n);
}

static void names_release(void *n)
{
	names_put(n);
}

static struct names *names_ref(struct names *n)
{
	__atomic_add_fetch(&n->references, 1, __ATOMIC_RELAXED);
	return n;
}

/* The document and its array of descriptors (NULL where Go wrote null for an empty one). What
 * cannot be understood is -EBADMSG: never an empty store. */
static int read_index(struct store *s, struct json_object **doc, struct json_object **manifests,
		      struct stat *file, struct err *err)
{
	autoclose int fd = io_open(store_dirfd(s), INDEX_PATH, O_RDONLY, 0, err);
	autobuf text = BUF_INIT;
	autojson *o = NULL;
	struct err why = {0};
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, file) < 0)
		return err_sys(err, "stat " INDEX_PATH);
	if (file->st_size > (off_t)LAYOUT_INDEX_MAX)
		return err_set(err, EBADMSG, INDEX_PATH " is larger than %u bytes",
			       LAYOUT_INDEX_MAX);
	if (!buf_reserve(&text, (size_t)file->st_size))
		return err_nomem(err);
	n = io_pread(fd, text.data, (size_t)file->st_size, 0, err);
	if (n < 0)
		return (int)n;
	if (json_parse(text.data, (size_t)n, &o, &why))
		return err_set(err, EBADMSG, INDEX_PATH ": %s", why.text);
	*manifests = json_array(o, "manifests");
	if (!*manifests &&
	    (json_member(o, "manifests") || !json_object_object_get_ex(o, "manifests", NULL)))
		return err_set(err, EBADMSG, INDEX_PATH ": \"manifests\" is missing or no array");
	*doc = steal(&o);
	return 0;
}

static int parse_name(struct store *s, const struct json_object *o, struct name *out,
		      struct err *err)
{
	const char *pulled;
	int64_t seconds;
	uint32_t ns;
	struct err why = {0};
	int r;

	if (descriptor_parse(o, &out->descriptor, &why))
		return err_set(err, EBADMSG, INDEX_PATH ": %s", why.text);
	pulled = json_string(out->descriptor.annotations, PULLED);
	r = layout_name(out->descriptor.annotations, &out->descriptor.digest, store_path(s),
			&out->reference, err);
	if (r) {
		descriptor_clear(&out->descriptor);
		return r;
	}
	if (pulled && oci_time_parse(pulled, &seconds, &ns, NULL) == 0)
		out->pulled = (struct timespec){.tv_sec = seconds, .tv_nsec = ns};
	return 0;
}

/* Several descriptors may carry one reference where others wrote the file: their digests decide, so
 * that every snapshot has them in one order. */
static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->reference, y->reference);

	if (order)
		return order;
	return memcmp(x->descriptor.digest.bytes, y->descriptor.digest.bytes,
		      sizeof(x->descriptor.digest.bytes));
}

static int load_once(struct store *s, struct names **out, struct err *err)
{
	AUTO(names_put) struct names *n = calloc(1, sizeof(*n));
	autojson *doc = NULL;
	struct json_object *manifests;
	size_t count;
	int r;

	if (!n)
		return err_nomem(err);
	n->references = 1;
	r = read_index(s, &doc, &manifests, &n->file, err);
	if (r)
		return r;
	count = manifests ? json_object_array_length(manifests) : 0;
	n->items = calloc(count ? count : 1, sizeof(*n->items));
	if (!n->items)
		return err_nomem(err);
	for (; n->count < count; n->count++) {
		r = parse_name(s, json_object_array_get_idx(manifests, n->count),
			       &n->items[n->count], err);
		if (r)
			return r;
	}
	qsort(n->items, n->count, sizeof(*n->items), compare_names);
	*out = steal(&n);
	return 0;
}

/* skopeo rewrites index.json in place: a moment in which it is cut short is no damage. */
static int load(struct store *s, struct names **out, struct err *err)
{
	const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};
	int r = load_once(s, out, err);

	for (int tries = 1; r == -EBADMSG && tries < READ_TRIES; tries++) {
		nanosleep(&pause, NULL);
		r = load_once(s, out, err);
	}
	return r;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* With the cache's lock held, so that a change is parsed once, not by every reader at once. */
static int refresh(struct store *s, struct err *err)
{
	struct names *held = s->names, *fresh;
	struct stat st;
	int r;

	if (fstatat(store_dirfd(s), INDEX_PATH, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "stat " INDEX_PATH);
	if (held && same_file(&held->file, &st))
		return 0;
	r = load(s, &fresh, err);
	if (r)
		return r;
	names_put(held);
	s->names = fresh;
	s->names_release = names_release;
	return 0;
}

int names_get(struct store *s, struct names **out, struct err *err)
{
	int r;

	pthread_mutex_lock(&s->names_lock);
	r = refresh(s, err);
	if (!r)
		*out = names_ref(s->names);
	pthread_mutex_unlock(&s->names_lock);
	return r ? err_context(err, "store %s", store_path(s)) : 0;
}

size_t names_count(const struct names *n)
{
	return n->count;
}

const struct name *names_at(const struct names *n, size_t i)
{
	return i < n->count ? &n->items[i] : NULL;
}

size_t names_lower_bound(const struct names *n, const char *text)
{
	size_t low = 0, high = n->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(n->items[middle].reference, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct name *names_find(const struct names *n, const char *reference)
{
	const struct name *found = names_at(n, names_lower_bound(n, reference));

	return found && strcmp(found->reference, reference) == 0 ? found : NULL;
}

struct timespec names_changed(const struct names *n)
{
	return n->file.st_mtim;
}

/* o[key] = value; takes the value over, also where it fails (NULL: out of memory). */
static bool add(struct json_object *o, const char *key, struct json_object *value)
{
	if (value && json_object_object_add(o, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static bool add_text(struct json_object *o, const char *key, const char *text)
{
	return add(o, key, json_object_new_string(text));
}

static struct json_object *platform_object(const struct platform *p)
{
	autojson *o = json_object_new_object();

	if (!o || !add_text(o, "architecture", p->architecture) || !add_text(o, "os", p->os) ||
	    (p->variant[0] && !add_text(o, "variant", p->variant)))
		return NULL;
	return steal(&o);
}

static struct json_object *annotations_object(const char *reference)
{
	autojson *o = json_object_new_object();
	char text[64], seconds[32];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%09ldZ", seconds, now.tv_nsec);
	if (!o || !add_text(o, LAYOUT_REFERENCE, reference) || !add_text(o, PULLED, text))
		return NULL;
	return steal(&o);
}

static struct json_object *descriptor_object(const char *reference, const struct descriptor *d)
{
	autojson *o = json_object_new_object();
	char text[DIGEST_TEXT_MAX];

	if (!o || !add_text(o, "mediaType", d->media_type) ||
	    !add_text(o, "digest", digest_text(&d->digest, text)) ||
	    !add(o, "size", json_object_new_uint64(d->size)) ||
	    (d->has_platform && !add(o, "platform", platform_object(&d->platform))) ||
	    !add(o, "annotations", annotations_object(reference)))
		return NULL;
	return steal(&o);
}

/* Removes all descriptors of the reference; how many there were, or -errno. */
static int remove_all(struct store *s, struct json_object *manifests, const char *reference,
		      struct err *err)
{
	size_t i;
	int removed = 0;

	for (i = json_object_array_length(manifests); i-- > 0;) {
		struct name name = {0};
		int r = parse_name(s, json_object_array_get_idx(manifests, i), &name, err);

		if (r < 0)
			return r;
		if (strcmp(name.reference, reference) == 0) {
			json_object_array_del_idx(manifests, i, 1);
			removed++;
		}
		name_clear(&name);
	}
	return removed;
}

/* Two changes within one tick of the clock, or after it was set back, must still differ. */
static struct timespec later_than(struct timespec old)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec > old.tv_sec || (now.tv_sec == old.tv_sec && now.tv_nsec > old.tv_nsec))
		return now;
	if (++old.tv_nsec == NANOSECONDS) {
		old.tv_nsec = 0;
		old.tv_sec++;
	}
	return old;
}

static int write_index(struct store *s, struct json_object *doc, const struct stat *old,
		       struct err *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, later_than(old->st_mtim)};
	const char *text;
	struct io_tmp t;
	size_t len;
	int r;

	text = json_object_to_json_string_length(doc, TO_STRING_FLAGS, &len);
	if (!text)
		return err_nomem(err);
	if (len > LAYOUT_INDEX_MAX)
		return err_set(err, EFBIG, INDEX_PATH " would be larger than %u bytes",
			       LAYOUT_INDEX_MAX);
	r = io_tmp_open(store_dirfd(s), INDEX_PATH, old->st_mode & 0777, &t, err);
	if (r)
		return r;
	r = io_write_all(t.fd, text, len, err);
	if (!r && futimens(t.fd, times) < 0)
		r = err_sys(err, "set the time of " INDEX_PATH);
	if (r) {
		io_tmp_abort(&t);
		return r;
	}
	return io_tmp_commit(&t, INDEX_PATH, err);
}

/* Replaces all descriptors of the reference by one (NULL: by none, and -ENOENT if there was none).
 * What else is in the document stays as it is. */
static int change(struct store *s, const char *reference, const struct descriptor *d,
		  struct err *err)
{
	AUTO(store_unlock) struct store_lock *lock = NULL;
	autojson *doc = NULL, *fresh = NULL;
	struct json_object *manifests;
	struct stat old;
	int r = store_lock(s, &lock, err);

	if (!r)
		r = read_index(s, &doc, &manifests, &old, err);
	if (r)
		return r;
	if (!manifests) {
		manifests = json_object_new_array();
		if (!add(doc, "manifests", manifests))
			return err_nomem(err);
	}
	r = remove_all(s, manifests, reference, err);
	if (r < 0)
		return r;
	if (r == 0 && !d)
		return err_set(err, ENOENT, "no such name: %s", reference);
	if (d) {
		fresh = descriptor_object(reference, d);
		if (!fresh || json_object_array_add(manifests, fresh))
			return err_nomem(err);
		fresh = NULL;
	}
	return write_index(s, doc, &old, err);
}

/* A name that is written is a full reference, so that it is read as what it was set to. */
static int check_reference(const char *reference, struct err *err)
{
	autoref ref = REF_INIT;
	autofree char *full = NULL;
	int r = ref_parse(reference, &ref, err);

	if (r < 0)
		return err_context(err, "name \"%.80s\"", reference);
	full = ref_full(&ref);
	if (!full)
		return err_nomem(err);
	return strcmp(full, reference) == 0
		   ? 0
		   : err_set(err, EINVAL, "name \"%.80s\": not a full reference", reference);
}

int names_set(struct store *s, const char *reference, const struct descriptor *d, struct err *err)
{
	int r = check_reference(reference, err);

	return r ? r : change(s, reference, d, err);
}

int names_remove(struct store *s, const char *reference, struct err *err)
{
	return change(s, reference, NULL, err);
}
