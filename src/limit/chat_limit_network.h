/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_limit_network.c; apart, since it links without httpd. */
#ifndef CHAT_LIMIT_NETWORK_H
#define CHAT_LIMIT_NETWORK_H

#include <apr_pools.h>

/* The network of an address, as text: "192.0.2.7", "2001:db8:1:2::/64" when
 * bits are cut off. IPv4 in IPv6 is IPv4. What is no address comes back as it
 * is. */
const char *chat_limit_network(const char *ip, int ipv4_bits, int ipv6_bits,
                               apr_pool_t *p);

#endif
