/* SPDX-License-Identifier: MIT */
/* ctl/stats: the Prometheus text exposition format. */
#include "fs/ctl/verb.h"

#include "fs/core/inode.h"

static void metric(struct buf *out, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	buf_printf(out, "# HELP imagefs_%s %s\n# TYPE imagefs_%s %s\nimagefs_%s %llu\n", name, help,
		   name, type, name, (unsigned long long)value);
}

static void print_requests(struct stats *s, struct buf *out)
{
	buf_puts(out, "# HELP imagefs_fuse_requests_total Messages from the kernel, by operation.\n"
		      "# TYPE imagefs_fuse_requests_total counter\n");
	for (enum stats_op i = 0; i < OP_COUNT; i++)
		buf_printf(out, "imagefs_fuse_requests_total{op=\"%s\"} %llu\n", stats_op_name(i),
			   (unsigned long long)atomic_load(&s->requests[i]));
	metric(out, "fuse_parked_total", "counter", "Requests that waited for a job.",
	       atomic_load(&s->parked));
	metric(out, "fuse_interrupted_total", "counter", "Parked requests that were interrupted.",
	       atomic_load(&s->interrupted));
	metric(out, "fuse_read_bytes_total", "counter", "Bytes given to readers.",
	       atomic_load(&s->read_bytes));
	metric(out, "ahead_stored_total", "counter", "Parts of files stored ahead of their reader.",
	       atomic_load(&s->stored));
	metric(out, "ahead_stored_bytes_total", "counter", "Bytes stored ahead of their reader.",
	       atomic_load(&s->stored_bytes));
	metric(out, "lazy_ranges_total", "counter",
	       "Ranges fetched of layers that are read before they are here.",
	       atomic_load(&s->ranges));
	metric(out, "lazy_range_bytes_total", "counter", "Bytes of these ranges.",
	       atomic_load(&s->range_bytes));
	metric(out, "cache_evicted_bytes_total", "counter",
	       "Bytes of images that nobody pulled, taken away for cache_max.",
	       atomic_load(&s->evicted_bytes));
}

static void print_jobs(struct jobs *jobs, struct buf *out)
{
	struct jobs_counts c;

	jobs_count(jobs, &c);
	metric(out, "jobs_running", "gauge", "Jobs that run.", c.running);
	metric(out, "jobs_queued", "gauge", "Jobs that wait for their turn.", c.queued);
	metric(out, "jobs_waiting", "gauge", "Requests that wait for jobs.", c.waiting);
	metric(out, "jobs_started_total", "counter", "Jobs since the start.", c.started);
	metric(out, "jobs_failed_total", "counter", "Jobs that failed.", c.failed);
}

static void verb_stats_print_all(struct fs *fs, struct buf *out)
{
	struct registry_stats r;
	struct inodes_counts i;

	print_requests(&fs->stats, out);
	print_jobs(fs->jobs, out);
	inodes_count(fs->inodes, &i);
	metric(out, "inodes_vnodes", "gauge",
	       "Files outside root filesystems that the kernel knows.", i.vnodes);
	metric(out, "inodes_views", "gauge", "Root filesystems that the kernel knows.", i.views);
	metric(out, "inodes_lookups", "gauge", "Lookups that the kernel has not forgotten.",
	       i.lookups);
	registry_stats(fs->registry, &r);
	metric(out, "registry_requests_total", "counter", "Requests to registries.", r.requests);
	metric(out, "registry_received_bytes_total", "counter", "Bytes from registries.",
	       r.bytes_received);
	metric(out, "registry_retries_total", "counter", "Requests that were tried again.",
	       r.retries);
	metric(out, "registry_errors_total", "counter", "Requests that failed.", r.errors);
	metric(out, "span_hits_total", "counter", "Reads that found their span decoded.",
	       span_cache_hits(fs->spans));
	metric(out, "span_misses_total", "counter", "Spans decoded.", span_cache_misses(fs->spans));
}

int verb_stats(struct fs *fs, struct job *j, const struct words *args, struct buf *out,
	       struct err *err)
{
	int r = verb_no_arguments("stats", args, err);

	(void)j;
	if (!r)
		verb_stats_print_all(fs, out);
	return r;
}
