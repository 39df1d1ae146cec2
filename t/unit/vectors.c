/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <apr_file_io.h>

#include "unit.h"

chat_json_t *vectors_load(const char *name, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {1 << 20, 32, 10000};
    apr_file_t *file;
    apr_finfo_t info;
    chat_json_t *root;
    char *text;

    ck_assert_int_eq(apr_file_open(&file, name, APR_READ, APR_OS_DEFAULT, p),
                     0);
    ck_assert_int_eq(apr_file_info_get(&info, APR_FINFO_SIZE, file), 0);
    text = apr_palloc(p, (apr_size_t)info.size);
    ck_assert_int_eq(
        apr_file_read_full(file, text, (apr_size_t)info.size, NULL), 0);
    ck_assert_int_eq(
        chat_json_parse(&root, text, (apr_size_t)info.size, &limits, p), 0);
    return root;
}

apr_array_header_t *vectors_list(apr_pool_t *p, const char *one,
                                 const char *two)
{
    apr_array_header_t *array = apr_array_make(p, 2, sizeof(char *));

    if (one)
        APR_ARRAY_PUSH(array, const char *) = one;
    if (two)
        APR_ARRAY_PUSH(array, const char *) = two;
    return array;
}
