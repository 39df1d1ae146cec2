/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, read strictly and written compactly. Hides json-c: no other file
 * names it. APR only, no httpd.
 *
 * Reading accepts exactly what ECMAScript's JSON.parse accepts (RFC 8259, no
 * BOM, last of two equal keys wins, "__proto__" is an ordinary key here), with
 * these deliberate exceptions, each a refusal: more bytes, depth or values
 * than the limits allow; bytes that are not UTF-8; \u0000; a lone surrogate
 * (it has no UTF-8 form).
 */
#ifndef CHAT_JSON_H
#define CHAT_JSON_H

#include <apr_pools.h>

/* One JSON value. NULL stands for "undefined" (no such member); a JSON null
 * is a value of its own, see chat_json_null(). */
typedef struct chat_json_t chat_json_t;

typedef enum {
    CHAT_JSON_UNDEFINED,
    CHAT_JSON_NULL,
    CHAT_JSON_BOOLEAN,
    CHAT_JSON_NUMBER,
    CHAT_JSON_STRING,
    CHAT_JSON_ARRAY,
    CHAT_JSON_OBJECT
} chat_json_kind_e;

typedef struct chat_json_limits_t {
    apr_size_t bytes; /* of text */
    int depth;        /* nested arrays and objects; [[]] is 2 */
    int values;       /* values of every kind, containers and members alike */
} chat_json_limits_t;

typedef struct chat_json_reader_t chat_json_reader_t;

/* A reader for one text that arrives in pieces. It and the values it makes
 * are freed with the pool. */
chat_json_reader_t *chat_json_reader_create(const chat_json_limits_t *limits,
                                            apr_pool_t *p);

/*
 * Take the next piece; it may be cut anywhere, also inside a character.
 * APR_SUCCESS  so far so good
 * APR_EINVAL   not JSON                  } chat_json_reader_why() says what
 * APR_ENOSPC   over one of the limits    } and the reader stays in error
 */
apr_status_t chat_json_reader_feed(chat_json_reader_t *reader, const char *data,
                                   apr_size_t len);

/* The text has ended. APR_SUCCESS: *proot is set and lives as long as the
 * reader's pool. Else as above. */
apr_status_t chat_json_reader_end(chat_json_t **proot,
                                  chat_json_reader_t *reader);

/* A sentence without any of the text in it, fit to show: what is wrong and at
 * which byte. */
const char *chat_json_reader_why(const chat_json_reader_t *reader);

/* One whole text at once, with the same verdicts. */
apr_status_t chat_json_parse(chat_json_t **proot, const char *text,
                             apr_size_t len, const chat_json_limits_t *limits,
                             apr_pool_t *p);

/* ---- a long list, an element at a time ---- */

typedef struct chat_json_items_t chat_json_items_t;

/* Takes an element, which lives in p until this returns. NULL, or a sentence
 * that says why it cannot be taken: then the reading ends. */
typedef const char *chat_json_item_fn(void *ctx, const chat_json_t *item,
                                      apr_pool_t *p);

/*
 * A reader of a text that is an array of objects, or an object whose member of
 * that name is one: each of these objects is read by itself and freed again, so
 * that of a long list never more than one is in memory. The limits hold for
 * each of them, and for the rest of the text.
 */
chat_json_items_t *chat_json_items_create(const char *member,
                                          const chat_json_limits_t *limits,
                                          chat_json_item_fn *take, void *ctx,
                                          apr_pool_t *p);

/* As chat_json_reader_feed(), and
 * APR_EGENERAL  an element was not taken. */
apr_status_t chat_json_items_feed(chat_json_items_t *items, const char *data,
                                  apr_size_t len);

/* *prest is the text with a 0 in the place of each element; it lives in p. */
apr_status_t chat_json_items_end(chat_json_t **prest, chat_json_items_t *items);

/* As chat_json_reader_why(), with the element in whose place it is. */
const char *chat_json_items_why(const chat_json_items_t *items);

chat_json_kind_e chat_json_kind(const chat_json_t *v);

/* The JSON null, the same one everywhere. */
chat_json_t *chat_json_null(void);

/* Member of an object; NULL when v is not an object or has no such member. */
chat_json_t *chat_json_get(const chat_json_t *v, const char *key);
/* The key after that one, in the order of the text; NULL for the first, and
 * after the last. Borrowed from the object. */
const char *chat_json_next(const chat_json_t *object, const char *key);
/* Follow object keys: chat_json_path(v, "response", "usage", NULL). */
chat_json_t *chat_json_path(const chat_json_t *v, ...);
/* Length of an array; 0 for anything else. */
int chat_json_length(const chat_json_t *v);
chat_json_t *chat_json_at(const chat_json_t *v, int index);
/* UTF-8 and NUL-terminated, borrowed from v; NULL when v is not a string. */
const char *chat_json_string(const chat_json_t *v);
/* The number as a double, as ECMAScript has it (1e400 is infinite); NaN when
 * v is not a number. */
double chat_json_number(const chat_json_t *v);
/* What ECMAScript's Number() makes of a value of any kind: null is 0, "0x1f"
 * is 31, [7] is 7, an object is NaN. */
double chat_json_coerce(const chat_json_t *v);
/* The number as an integer, or otherwise when it is none that fits. */
apr_int64_t chat_json_integer(const chat_json_t *v, apr_int64_t otherwise);
/* 1 or 0; -1 when v is not a boolean. */
int chat_json_boolean(const chat_json_t *v);

/*
 * Writing. A root made here is freed with its pool; a value given to an array
 * or object belongs to that from then on (a value that was read may be given
 * away too: it is shared, not copied). add takes NULL for "leave it out".
 *
 * None of these fails: where there is no memory for a value, nothing that it
 * belongs to has a text.
 */
chat_json_t *chat_json_object(apr_pool_t *p);
chat_json_t *chat_json_array(apr_pool_t *p);
void chat_json_add(chat_json_t *object, const char *key, chat_json_t *v);
void chat_json_add_string(chat_json_t *object, const char *key,
                          const char *text);
void chat_json_add_integer(chat_json_t *object, const char *key, apr_int64_t n);
void chat_json_add_number(chat_json_t *object, const char *key, double n);
void chat_json_add_boolean(chat_json_t *object, const char *key, int yes);
void chat_json_add_null(chat_json_t *object, const char *key);
void chat_json_push(chat_json_t *array, chat_json_t *v);
void chat_json_push_string(chat_json_t *array, const char *text);
void chat_json_push_integer(chat_json_t *array, apr_int64_t n);

/* Compact text, no escaped slashes, NUL-terminated, copied into p. plen may
 * be NULL. Numbers that were read come out with the digits they came with.
 * NULL: there was no memory to make v, or something in it. */
const char *chat_json_text(const chat_json_t *v, apr_size_t *plen,
                           apr_pool_t *p);

/* So many bytes does text begin with that stand for themselves in a JSON
 * string: ASCII without control characters, quote and backslash. */
apr_size_t chat_json_plain(const char *text, apr_size_t len);

/* A string as a JSON string literal with its quotes. */
const char *chat_json_quote(const char *text, apr_pool_t *p);

#endif
