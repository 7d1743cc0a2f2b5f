/* SPDX-License-Identifier: MIT */
#include "registry/wire/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static enum address_reach reach_v4(uint32_t a)
{
	static const struct {
		uint32_t net;
		int bits;
		enum address_reach reach;
	} table[] = {
	    {0x00000000, 8, ADDRESS_ANY},      {0x0a000000, 8, ADDRESS_PRIVATE},
	    {0x64400000, 10, ADDRESS_PRIVATE}, {0x7f000000, 8, ADDRESS_LOOPBACK},
	    {0xa9fe0000, 16, ADDRESS_ANY},     {0xac100000, 12, ADDRESS_PRIVATE},
	    {0xc0000000, 24, ADDRESS_ANY},     {0xc0a80000, 16, ADDRESS_PRIVATE},
	    {0xc6120000, 15, ADDRESS_PRIVATE}, {0xe0000000, 3, ADDRESS_ANY},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if ((a ^ table[i].net) >> (32 - table[i].bits) == 0)
			return table[i].reach;
	return ADDRESS_PUBLIC;
}

static uint32_t v4_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum address_reach reach_v6(const uint8_t *a)
{
	static const uint8_t zero[16];
	static const uint8_t loopback[16] = {[15] = 1};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (!memcmp(a, loopback, 16))
		return ADDRESS_LOOPBACK;
	if (!memcmp(a, mapped, 12) || !memcmp(a, nat64, 12))
		return reach_v4(v4_at(a + 12));
	if (a[0] == 0x20 && a[1] == 0x02)
		return reach_v4(v4_at(a + 2));
	if ((a[0] & 0xfe) == 0xfc)
		return ADDRESS_PRIVATE;
	/* ::/96 (unspecified, IPv4-compatible), fe80::/10, fec0::/10, ff00::/8 */
	if (!memcmp(a, zero, 12) || (a[0] == 0xfe && a[1] >= 0x80) || a[0] == 0xff)
		return ADDRESS_ANY;
	return ADDRESS_PUBLIC;
}

enum address_reach address_reach(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)address;

		return reach_v4(ntohl(v4->sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)address;

		return reach_v6(v6->sin6_addr.s6_addr);
	}
	return ADDRESS_ANY;
}

enum address_reach address_reach_text(const char *text)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return reach_v4(ntohl(v4.s_addr));
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return reach_v6(v6.s6_addr);
	return ADDRESS_PUBLIC;
}
