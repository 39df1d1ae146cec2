/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers in files of JSON, and lists of texts, for the unit tests. */
#ifndef VECTORS_H
#define VECTORS_H

#include <apr_tables.h>

#include "chat_json.h"

/* All of that file, in p. A file that is none ends the test. */
chat_json_t *vectors_load(const char *name, apr_pool_t *p);

/* Of const char *; NULL is none. */
apr_array_header_t *vectors_list(apr_pool_t *p, const char *one,
                                 const char *two);

#endif
