/* SPDX-License-Identifier: MIT */
/*
 * How far inside a network an address lies. A registry on the internet must not lead its clients
 * to the machines behind them (server-side request forgery): what an answer points to may lie no
 * further inside than the address that the answer came from. Pure.
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

/* Addresses of IPv4 inside IPv6 (mapped, NAT64, 6to4) count as what they hold. */
enum address_reach address_reach(const struct sockaddr *address);

/* The same for an address as text; ADDRESS_PUBLIC for what is none. */
enum address_reach address_reach_text(const char *text);

#endif
