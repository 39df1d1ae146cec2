/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as keys: the part of them that one customer has. Pure. */
#include "chat_limit_network.h"

#include <string.h>

#include <apr_strings.h>

#include <arpa/inet.h>

static void cut_off(unsigned char *bytes, int len, int bits)
{
    int i;

    for (i = bits / 8; i < len; i++)
        bytes[i] &= i == bits / 8 ? (unsigned char)(0xff00 >> bits % 8) : 0;
}

const char *chat_limit_network(const char *ip, int ipv4_bits, int ipv6_bits,
                               apr_pool_t *p)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0,    0,
                                             0, 0, 0, 0, 0xff, 0xff};
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    int family = AF_INET6, len = 16, bits = ipv6_bits;

    if (!strchr(ip, ':')) {
        /* A dotted address that is one is written in one way only. */
        if (inet_pton(AF_INET, ip, bytes) != 1 || ipv4_bits >= 32)
            return ip;
        family = AF_INET;
    }
    else if (inet_pton(AF_INET6, ip, bytes) != 1) {
        return ip;
    }
    else if (!memcmp(bytes, mapped, sizeof(mapped))) {
        memmove(bytes, bytes + 12, 4);
        family = AF_INET;
    }
    if (family == AF_INET) {
        len = 4;
        bits = ipv4_bits;
    }
    cut_off(bytes, len, bits);
    inet_ntop(family, bytes, text, sizeof(text));
    return bits < len * 8 ? apr_psprintf(p, "%s/%d", text, bits)
                          : apr_pstrdup(p, text);
}
