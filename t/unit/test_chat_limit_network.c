/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/limit/chat_limit_network.c. */
#include <apr_pools.h>

#include "../../src/limit/chat_limit_network.h"
#include "unit.h"

static const struct {
    const char *ip;
    int ipv4, ipv6;
    const char *network;
} table[] = {
    {"192.0.2.7", 32, 64, "192.0.2.7"},
    {"192.0.2.7", 24, 64, "192.0.2.0/24"},
    {"192.0.2.255", 30, 64, "192.0.2.252/30"},
    {"10.255.1.1", 8, 64, "10.0.0.0/8"},
    {"2001:db8:1:2:3:4:5:6", 32, 64, "2001:db8:1:2::/64"},
    {"2001:db8:1:2:ffff:4:5:6", 32, 64, "2001:db8:1:2::/64"},
    {"2001:db8:1:2:3:4:5:6", 32, 128, "2001:db8:1:2:3:4:5:6"},
    {"2001:db8:ffff::1", 32, 35, "2001:db8:e000::/35"},
    {"::1", 32, 64, "::/64"},
    /* IPv4 in IPv6 is IPv4 */
    {"::ffff:192.0.2.7", 32, 64, "192.0.2.7"},
    {"::ffff:192.0.2.7", 16, 64, "192.0.0.0/16"},
    /* no addresses */
    {"unix", 32, 64, "unix"},
    {"192.0.2.007", 32, 64, "192.0.2.007"},
    {"192.0.2", 24, 64, "192.0.2"},
    {"fe80::1%eth0", 32, 64, "fe80::1%eth0"},
    {"", 32, 64, ""},
};

START_TEST(an_address_is_cut_to_its_network)
{
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    ck_assert_str_eq(
        chat_limit_network(table[_i].ip, table[_i].ipv4, table[_i].ipv6, p),
        table[_i].network);
    apr_pool_destroy(p);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_limit_network");
    TCase *tc = tcase_create("networks");

    tcase_add_loop_test(tc, an_address_is_cut_to_its_network, 0,
                        sizeof(table) / sizeof(table[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
