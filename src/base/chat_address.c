/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chat_address.h. The lists are those of IANA's special-purpose registries,
 * and a few addresses more: what clouds tell their machines, and addresses that
 * lead into IPv4 by way of a gateway.
 */
#include "chat_address.h"

#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef struct network_t {
    unsigned char bytes[16];
    int bits;
} network_t;

static const network_t denied4[] = {
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10}, /* shared by carriers; also Alibaba's metadata */
    {{127}, 8},
    {{169, 254}, 16}, /* link-local; most clouds' metadata */
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 31, 196}, 24},
    {{192, 52, 193}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{192, 175, 48}, 24},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
    {{168, 63, 129, 16}, 32}, /* a public one that is Azure's inside */
};

static const network_t denied6[] = {
    {{0}, 96},                         /* ::, ::1, ::a.b.c.d */
    {{0, 0x64, 0xff, 0x9b}, 96},       /* NAT64 */
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48}, /* the same, local */
    {{0x01}, 64},                      /* discard */
    {{0x20, 0x01}, 23},                /* Teredo and others */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},    /* documentation */
    {{0x20, 0x02}, 16},                /* 6to4 */
    {{0x3f, 0xff}, 20},                /* documentation */
    {{0x5f}, 16},                      /* segment routing */
    {{0xfc}, 7},                       /* unique local */
    {{0xfe, 0x80}, 10},                /* link-local */
    {{0xfe, 0xc0}, 10},                /* site-local */
    {{0xff}, 8},                       /* multicast */
};

static int is_in(const unsigned char *address, const network_t *network)
{
    int whole = network->bits / 8, rest = network->bits % 8;
    unsigned char mask = (unsigned char)(0xff << (8 - rest));

    return !memcmp(address, network->bytes, (size_t)whole) &&
           (!rest || !((address[whole] ^ network->bytes[whole]) & mask));
}

static int is_denied(const unsigned char *address, const network_t *list,
                     size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (is_in(address, &list[i]))
            return 1;
    return 0;
}

static int is_public4(const unsigned char *address)
{
    return !is_denied(address, denied4, sizeof(denied4) / sizeof(denied4[0]));
}

static int is_public6(const unsigned char *address)
{
    static const network_t mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff},
                                     96};

    if (is_in(address, &mapped))
        return is_public4(address + 12);
    return !is_denied(address, denied6, sizeof(denied6) / sizeof(denied6[0]));
}

int chat_address_is_public(const struct sockaddr *address)
{
    switch (address->sa_family) {
    case AF_INET:
        return is_public4((const unsigned char *)&(
                              (const struct sockaddr_in *)(const void *)address)
                              ->sin_addr);
    case AF_INET6:
        return is_public6(
            (const unsigned char *)&(
                (const struct sockaddr_in6 *)(const void *)address)
                ->sin6_addr);
    default:
        return 0;
    }
}

int chat_address_text_is_public(const char *text)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, text, address) == 1)
        return is_public4(address);
    return inet_pton(AF_INET6, text, address) == 1 && is_public6(address);
}
