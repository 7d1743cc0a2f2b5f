/* SPDX-License-Identifier: MIT */
/*
 * How far inside a network an address lies. A registry on the internet must not lead its clients
 * to machines of their own network (server-side request forgery). So an answer may point no further
 * inside than the address that it came from. Pure.
 */
#ifndef REGISTRY_ADDRESS_H
#define REGISTRY_ADDRESS_H

#include <sys/socket.h>

enum address_reach {
	ADDRESS_PUBLIC,
	ADDRESS_PRIVATE,  /* RFC 1918, RFC 6598, fc00::/7 */
	ADDRESS_LOOPBACK, /* 127/8, ::1 */
	ADDRESS_ANY /* link-local (cloud metadata), 0/8, multicast, …: nothing leads there */
};

/* An IPv6 address that holds one of IPv4 (mapped, NAT64, 6to4) counts as that. */
enum address_reach address_reach(const struct sockaddr *address);

/* The same for an address as text; ADDRESS_PUBLIC for another text. */
enum address_reach address_reach_text(const char *text);

#endif
