/* SPDX-License-Identifier: Apache-2.0 */
/* src/auth/chat_auth_jwks_slot.c: when a set of keys is fetched. */
#include "unit.h"
#include "../../src/auth/chat_auth_jwks_slot.h"

#define SECOND ((apr_int64_t)1000000)
#define NOW (1000 * SECOND)

static chat_auth_jwks_slot_t slot;
static apr_int64_t left;

static void setup(void)
{
    slot = (chat_auth_jwks_slot_t){0};
    left = -1;
}

START_TEST(one_fetches_it)
{
    ck_assert(chat_auth_jwks_slot_is_pending(&slot, NOW));
    ck_assert(chat_auth_jwks_slot_take(&slot, NOW, &left));
    ck_assert(!chat_auth_jwks_slot_take(&slot, NOW + SECOND, &left));
    ck_assert_int_eq(left, CHAT_AUTH_JWKS_LEASE - SECOND);
    ck_assert(chat_auth_jwks_slot_is_pending(&slot, NOW + SECOND));
    /* Who had it is gone. */
    ck_assert(
        chat_auth_jwks_slot_take(&slot, NOW + CHAT_AUTH_JWKS_LEASE, &left));
}
END_TEST

static const struct {
    apr_int64_t age, kept; /* seconds */
} ages[] = {
    {-1, 600},
    {0, 60},
    {59, 60},
    {61, 61},
    {86400, 86400},
    {86401, 86400},
    {APR_INT64_MAX, 86400},
};

START_TEST(age)
{
    chat_auth_jwks_slot_take(&slot, NOW, &left);
    chat_auth_jwks_slot_fetched(&slot, NOW, ages[_i].age);
    ck_assert_int_eq(slot.version, 1);
    ck_assert(!chat_auth_jwks_slot_is_pending(&slot, NOW));
    ck_assert(!chat_auth_jwks_slot_take(&slot, NOW, &left));
    ck_assert_int_eq(left, ages[_i].kept * SECOND);
    ck_assert(
        chat_auth_jwks_slot_take(&slot, NOW + ages[_i].kept * SECOND, &left));
}
END_TEST

START_TEST(failure)
{
    chat_auth_jwks_slot_take(&slot, NOW, &left);
    chat_auth_jwks_slot_fetched(&slot, NOW, 60);
    chat_auth_jwks_slot_take(&slot, NOW + 60 * SECOND, &left);
    ck_assert(chat_auth_jwks_slot_failed(&slot, NOW + 61 * SECOND));
    ck_assert_int_eq(slot.version, 1);
    ck_assert(!chat_auth_jwks_slot_take(&slot, NOW + 61 * SECOND, &left));
    ck_assert_int_eq(left, CHAT_AUTH_JWKS_AGAIN);
    ck_assert(!chat_auth_jwks_slot_failed(&slot, NOW + 90 * SECOND));
    chat_auth_jwks_slot_fetched(&slot, NOW + 91 * SECOND, 60);
    ck_assert_int_eq(slot.version, 2);
    ck_assert(chat_auth_jwks_slot_failed(&slot, NOW + 92 * SECOND));
}
END_TEST

START_TEST(unknown_keys)
{
    chat_auth_jwks_slot_fetched(&slot, NOW, 600);
    ck_assert(chat_auth_jwks_slot_ask(&slot, NOW + SECOND));
    ck_assert(chat_auth_jwks_slot_is_pending(&slot, NOW + SECOND));
    ck_assert(chat_auth_jwks_slot_take(&slot, NOW + SECOND, &left));
    chat_auth_jwks_slot_fetched(&slot, NOW + SECOND, 600);
    /* Whoever makes names up makes no fetches. */
    ck_assert(!chat_auth_jwks_slot_ask(&slot, NOW + 2 * SECOND));
    ck_assert(!chat_auth_jwks_slot_is_pending(&slot, NOW + 2 * SECOND));
    ck_assert(
        chat_auth_jwks_slot_ask(&slot, NOW + SECOND + CHAT_AUTH_JWKS_GAP));
    /* Also of what could not be had: it may be there now. */
    chat_auth_jwks_slot_failed(&slot, NOW + 12 * SECOND);
    ck_assert(!chat_auth_jwks_slot_ask(&slot, NOW + 20 * SECOND));
    ck_assert(chat_auth_jwks_slot_ask(&slot, NOW + 21 * SECOND));
    ck_assert(chat_auth_jwks_slot_take(&slot, NOW + 21 * SECOND, &left));
}
END_TEST

START_TEST(no_version_is_none)
{
    slot.version = (apr_uint32_t)-1;
    chat_auth_jwks_slot_turn(&slot);
    ck_assert_int_eq(slot.version, 1);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_auth_jwks_slot");
    TCase *tc = tcase_create("slot");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, one_fetches_it);
    tcase_add_loop_test(tc, age, 0, sizeof(ages) / sizeof(*ages));
    tcase_add_test(tc, failure);
    tcase_add_test(tc, unknown_keys);
    tcase_add_test(tc, no_version_is_none);
    suite_add_tcase(suite, tc);
    return suite;
}
