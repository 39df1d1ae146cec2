/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of src/base/chat_scratch.c: memory that was freed goes back to the
 * system, whether APR has it by malloc() or by mmap().
 */
#include "chat_scratch.h"
#include "unit.h"

#include <apr_allocator.h>
#include <apr_general.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEEPS (1024 * 1024)
#define BLOCK 8192

static void apr_init(void)
{
    apr_initialize();
}

/* Of one connection, as the MPM makes it. */
static apr_pool_t *make_connection(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;

    ck_assert_int_eq(apr_allocator_create(&allocator), APR_SUCCESS);
    apr_allocator_max_free_set(allocator, KEEPS);
    ck_assert_int_eq(apr_pool_create_ex(&p, NULL, NULL, allocator),
                     APR_SUCCESS);
    apr_allocator_owner_set(allocator, p);
    return p;
}

/* A pool of so many blocks comes and goes. */
static void read_request(apr_pool_t *c, int blocks)
{
    apr_pool_t *p;
    int i;

    ck_assert_int_eq(apr_pool_create(&p, c), APR_SUCCESS);
    for (i = 0; i < blocks; i++)
        apr_palloc(p, BLOCK - 512);
    apr_pool_destroy(p);
}

/* Bytes that the process has of the system or of malloc(). */
static apr_size_t in_use(void)
{
    struct mallinfo2 heap = mallinfo2();
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    return heap.uordblks + heap.hblkhd +
           pages * (apr_size_t)sysconf(_SC_PAGESIZE);
}

/* A checker has a malloc() of its own, which tells nothing. */
static int is_counted(void)
{
    apr_size_t before = in_use();
    char *block = malloc(BLOCK);
    int is = block && in_use() >= before + BLOCK;

    free(block);
    return is;
}

START_TEST(gives_back_what_was_freed)
{
    apr_pool_t *c = make_connection();
    apr_size_t before;

    if (!is_counted())
        return;
    read_request(c, 2);
    before = in_use();
    chat_scratch_trim(c, KEEPS);
    ck_assert_uint_ge(before - in_use(), 2 * BLOCK);
    apr_pool_destroy(c);
}
END_TEST

START_TEST(keeps_again_what_is_freed_later)
{
    apr_pool_t *c = make_connection();
    apr_size_t before;

    chat_scratch_trim(c, KEEPS);
    read_request(c, 2);
    before = in_use();
    read_request(c, 2);
    ck_assert_uint_eq(in_use(), before);
    apr_pool_destroy(c);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_scratch");
    TCase *trim = tcase_create("trim");

    tcase_add_checked_fixture(trim, apr_init, apr_terminate);
    tcase_add_test(trim, gives_back_what_was_freed);
    tcase_add_test(trim, keeps_again_what_is_freed_later);
    suite_add_tcase(s, trim);
    return s;
}
