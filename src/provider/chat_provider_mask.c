/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sentence of a provider's, fit to be shown and logged: what could be a key,
 * a token, an account or an address of mail is masked word by word, control
 * characters are spaces, and it has an end. Pure, any thread.
 */
#include "chat_provider_mask.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>

#define MASK "***"
#define MORE "..."

/* So many characters of the key in a row are the key. */
#define PIECE_OF_KEY 8

/* A shorter one is a placeholder, and a word of any language. */
#define SHORTEST_KEY 4

/* A word as long as that, with a digit in it, is no word behind "key:". */
#define SHORTEST_VALUE 8

typedef struct mask_t {
    char *out;
    apr_size_t used, size; /* size without the end and its NUL */
    int full;              /* no more fits */
    const char *key;       /* or "" */
    const char *at, *end;  /* of the text, what is left */
    int named;             /* the last word announces a secret */
} mask_t;

/* ---- what comes out ---- */

/* All of it or nothing: no character is cut. */
static void put(mask_t *m, const char *bytes, apr_size_t len)
{
    m->full |= m->used + len > m->size;
    if (m->full)
        return;
    memcpy(m->out + m->used, bytes, len);
    m->used += len;
}

/* ---- words ---- */

static int is_part_of_word(char c)
{
    return (c & 0x80) || apr_isalnum(c) || (c && strchr("_.-+/=@*~%$", c));
}

static int has_digit(const char *word, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (apr_isdigit(word[i]))
            return 1;
    }
    return 0;
}

/* Does the word hold the key, or much of it, as "sk-abcdefgh***" does? */
static int is_of_key(const mask_t *m, const char *word, apr_size_t len)
{
    apr_size_t most = strlen(m->key), i;
    apr_size_t piece = most < PIECE_OF_KEY ? most : PIECE_OF_KEY;

    if (most < SHORTEST_KEY)
        return 0;
    for (i = 0; i + piece <= len; i++) {
        if (memmem(m->key, most, word + i, piece))
            return 1;
    }
    return 0;
}

/* NAME=VALUE, of a name like "session_token". */
static int is_pair(const char *word, apr_size_t len)
{
    static const char *const names[] = {"session", "token", "key", "secret",
                                        "password"};
    const char *is = memchr(word, '=', len);
    char name[32];
    apr_size_t i, most = is ? is - word : 0;

    if (!is || is + 1 == word + len)
        return 0;
    if (most > sizeof(name) - 1)
        most = sizeof(name) - 1;
    for (i = 0; i < most; i++)
        name[i] = apr_tolower(word[i]);
    name[most] = '\0';
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strstr(name, names[i]))
            return 1;
    }
    return 0;
}

static int is_mail(const char *word, apr_size_t len)
{
    const char *at = memchr(word, '@', len);

    return at && at > word && at + 1 < word + len;
}

static int is_secret(const mask_t *m, const char *word, apr_size_t len)
{
    char copy[512];

    if (len >= sizeof(copy))
        return 1;
    memcpy(copy, word, len);
    copy[len] = '\0';
    return chat_provider_error_looks_secret(copy) || strstr(copy, "**") ||
           is_mail(word, len) || is_pair(word, len) ||
           is_of_key(m, word, len) ||
           (m->named && len >= SHORTEST_VALUE && has_digit(word, len));
}

/* What follows "Bearer", "API key provided:" and the like. */
static int is_name(const char *word, apr_size_t len)
{
    static const char *const names[] = {"bearer", "basic",    "key",
                                        "token",  "secret",   "password",
                                        "apikey", "provided", "api_key"};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && strncasecmp(word, names[i], len) == 0)
            return 1;
    }
    return 0;
}

static void put_word(mask_t *m)
{
    const char *word = m->at;
    apr_size_t len;

    while (m->at < m->end && is_part_of_word(*m->at))
        m->at++;
    len = m->at - word;
    if (is_secret(m, word, len))
        put(m, MASK, sizeof(MASK) - 1);
    else
        put(m, word, len);
    m->named = is_name(word, len);
}

/* Whatever characters it is made of. */
static int skip_key(mask_t *m)
{
    apr_size_t len = strlen(m->key);

    if (len < SHORTEST_KEY || (apr_size_t)(m->end - m->at) < len ||
        memcmp(m->at, m->key, len) != 0)
        return 0;
    m->at += len;
    put(m, MASK, sizeof(MASK) - 1);
    return 1;
}

void chat_provider_mask(char *out, apr_size_t size, const char *text,
                        apr_size_t len, const char *key)
{
    mask_t m = {
        .out = out,
        .size = size - sizeof(MORE),
        .key = key ? key : "",
        .at = text,
        .end = text + len,
    };

    while (m.at < m.end && !m.full) {
        char c = *m.at;

        if (skip_key(&m))
            continue;
        if (is_part_of_word(c)) {
            put_word(&m);
            continue;
        }
        if ((unsigned char)c < ' ' || c == 0x7f)
            c = ' ';
        put(&m, &c, 1);
        m.at++;
    }
    if (m.full) {
        memcpy(out + m.used, MORE, sizeof(MORE) - 1);
        m.used += sizeof(MORE) - 1;
    }
    out[m.used] = '\0';
}
