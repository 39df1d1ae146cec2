/* SPDX-License-Identifier: Apache-2.0 */
/* The network of an address. Pure (chat_limit_network.c). */
#ifndef CHAT_LIMIT_NETWORK_H
#define CHAT_LIMIT_NETWORK_H

#include <apr_pools.h>

/* The network of an address, as text: "192.0.2.7", "2001:db8:1:2::/64" when
 * bits are cut off. An IPv4 address in IPv6 is taken as IPv4. A text that is
 * no address is returned as it is. */
const char *chat_limit_network(const char *ip, int ipv4_bits, int ipv6_bits,
                               apr_pool_t *p);

#endif
