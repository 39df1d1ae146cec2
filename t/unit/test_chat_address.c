/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/chat_address.c: the addresses of t/data/user-keys-vectors.json, and
 * both ends of each network that is denied there. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include "chat_address.h"
#include "unit.h"
#include "vectors.h"

static apr_pool_t *pool;
static chat_json_t *ssrf;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    ssrf = chat_json_get(vectors_load("t/data/user-keys-vectors.json", pool),
                         "ssrf");
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

START_TEST(known_addresses)
{
    chat_json_t *all = chat_json_get(ssrf, "cases");
    int i;

    ck_assert_int_eq(chat_json_length(all), 42);
    for (i = 0; i < chat_json_length(all); i++) {
        chat_json_t *v = chat_json_at(all, i);
        const char *address = chat_json_string(chat_json_get(v, "address"));

        ck_assert_msg(chat_address_text_is_public(address) ==
                          !chat_json_boolean(chat_json_get(v, "deny")),
                      "%s", address);
    }
}
END_TEST

/* The first and the last address. */
static void check_network(const char *network, int family)
{
    char *text = apr_pstrdup(pool, network), *slash = strchr(text, '/');
    int size = family == AF_INET ? 4 : 16, bits = atoi(slash + 1), i;
    unsigned char address[16];
    char printed[INET6_ADDRSTRLEN];

    *slash = '\0';
    if (!strcmp(network, "::ffff:0:0/96")) /* judged as what is in it */
        return;
    ck_assert_int_eq(inet_pton(family, text, address), 1);
    ck_assert_msg(!chat_address_text_is_public(text), "%s", text);
    for (i = bits; i < 8 * size; i++)
        address[i / 8] |= (unsigned char)(0x80 >> i % 8);
    inet_ntop(family, address, printed, sizeof(printed));
    ck_assert_msg(!chat_address_text_is_public(printed), "%s", printed);
}

START_TEST(networks_are_denied_from_end_to_end)
{
    chat_json_t *four = chat_json_get(ssrf, "deny4");
    chat_json_t *six = chat_json_get(ssrf, "deny6");
    int i;

    for (i = 0; i < chat_json_length(four); i++)
        check_network(chat_json_string(chat_json_at(four, i)), AF_INET);
    for (i = 0; i < chat_json_length(six); i++)
        check_network(chat_json_string(chat_json_at(six, i)), AF_INET6);
}
END_TEST

START_TEST(what_is_no_internet_address_is_none)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr other = {.sa_family = AF_UNIX};

    ck_assert(!chat_address_is_public(&other));
    four.sin_addr.s_addr = htonl(0x7f000001);
    ck_assert(!chat_address_is_public((struct sockaddr *)&four));
    four.sin_addr.s_addr = htonl(0x08080808);
    ck_assert(chat_address_is_public((struct sockaddr *)&four));
    ck_assert(!chat_address_text_is_public("localhost"));
    ck_assert(!chat_address_text_is_public("2130706433"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_address");
    TCase *tc = tcase_create("address");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, known_addresses);
    tcase_add_test(tc, networks_are_denied_from_end_to_end);
    tcase_add_test(tc, what_is_no_internet_address_is_none);
    suite_add_tcase(suite, tc);
    return suite;
}
