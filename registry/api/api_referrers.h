/* SPDX-License-Identifier: MIT */
/*
 * What refers to a manifest: SBOMs, signatures, attestations (distribution specification 1.1,
 * "Listing referrers"). Where the registry has no such list, the index under the tag sha256-HEX takes
 * its place (specification, "Referrers tag schema"). cosign's tags, sha256-HEX.sig, .att and .sbom, are
 * looked at in any case. Nothing is filtered. Blocks; thread safe.
 */
#ifndef REGISTRY_API_REFERRERS_H
#define REGISTRY_API_REFERRERS_H

#include "registry/api/registry.h"
#include "store/oci/oci.h"

#define REFERRERS_MAX 1000 /* of one manifest */

struct referrer {
	struct descriptor descriptor; /* artifact_type is set where it is known */
	char *tag;		      /* owned: the tag that leads to it; or NULL */
};

struct referrer_list {
	struct referrer *at; /* owned; each digest once */
	size_t count, cap;
};
void api_referrers_clear(struct referrer_list *l);
#define autoreferrers __attribute__((cleanup(api_referrers_clear))) struct referrer_list

/* What refers to the manifest or index that `image` names by digest. Where there is nothing, or no such
 * repository, the list is empty: 0. Fills a zeroed list, which the caller clears. */
int registry_referrers(struct registry *r, const struct ref *image, struct cancel *cancel,
		       struct referrer_list *out, struct err *err);

/* *out: the registry has such a list itself, and gives it; else there are only tags. */
int registry_keeps_referrers(struct registry *r, const struct ref *image, struct cancel *cancel,
			     bool *out, struct err *err);

/* A tag of a digest: "sha256-HEX" (the digits cut to 64), and the suffix: "", ".sig", … Returns tag. */
#define REFERRER_TAG_MAX 112
const char *api_referrers_tag(const struct digest *d, const char *suffix,
			      char tag[static REFERRER_TAG_MAX]);

#endif
