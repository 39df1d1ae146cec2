/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that is made while there is no memory: each allocation of json-c's fails
 * once, and the text is what it would have been, or there is none. Never is a
 * null in the place of a value, or a member missing.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chat_json.h"

/* ASan and valgrind have allocators of their own, which cannot fail. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static int count, fail_at;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static int fails(void)
{
    if (!fail_at || ++count != fail_at)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *at, size_t n)
{
    return fails() ? NULL : __libc_realloc(at, n);
}
#endif

/* Of everything, and more than an object or an array is made for. */
static const char *make(const chat_json_t *read, apr_pool_t *p)
{
    chat_json_t *root = chat_json_object(p), *list = chat_json_array(p), *inner;
    char name[] = "member-a";
    int i;

    chat_json_add_string(root, "text",
                         "a text that is no short one, so that it "
                         "lies elsewhere");
    chat_json_add_integer(root, "integer", 7);
    chat_json_add_number(root, "number", 0.7);
    chat_json_add_boolean(root, "yes", 1);
    chat_json_add_null(root, "null");
    chat_json_add(root, "shared", chat_json_get(read, "a"));
    chat_json_add(root, "nothing", chat_json_null());
    for (i = 0; i < 40; i++) {
        inner = chat_json_object(p);
        name[7] = (char)('A' + i);
        chat_json_add_string(inner, name, name);
        chat_json_push(list, inner);
        chat_json_push_string(list, name);
        chat_json_push_integer(list, i);
        chat_json_add_integer(root, name, i);
    }
    chat_json_push(list, chat_json_null());
    chat_json_add(root, "list", list);
    inner = chat_json_object(p);
    chat_json_add(inner, "deep", chat_json_array(p));
    chat_json_add(root, "inner", inner);
    fail_at = 0;
    return chat_json_text(root, NULL, p);
}

START_TEST(no_memory_no_text)
{
    static const char text[] = "{\"a\":[1,{\"b\":2}]}";
    const chat_json_limits_t limits = {1000, 10, 100};
    const char *whole, *made;
    chat_json_t *read;
    apr_pool_t *pool, *p;
    int i, failed = 0, more = 1;

    apr_pool_create(&pool, NULL);
    ck_assert_int_eq(chat_json_parse(&read, text, strlen(text), &limits, pool),
                     APR_SUCCESS);
    whole = make(read, pool);
    ck_assert_ptr_nonnull(whole);
    ck_assert_ptr_nonnull(strstr(whole, "\"null\":null,\"shared\":[1,"));
    ck_assert_ptr_nonnull(strstr(whole, ",39,null],\"inner\":{\"deep\":[]}}"));
    for (i = 1; more; i++) {
        apr_pool_create(&p, pool);
        apr_palloc(p, 7000); /* and from here on only json-c asks for some */
        count = 0;
        fail_at = i;
        made = make(read, p);
        more = count >= i;
        failed += made == NULL;
        if (made)
            ck_assert_str_eq(made, whole);
        apr_pool_destroy(p);
    }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (i > 2) /* not under valgrind */
        ck_assert_int_gt(failed, 100);
#endif
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_json_make");
    TCase *t = tcase_create("memory");

    tcase_add_test(t, no_memory_no_text);
    suite_add_tcase(s, t);
    return s;
}
