/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chat_resume_frames.h. The first line is
 *
 *     chat-log 1 STATE CREATED ROUTE OWNER
 *
 * with the owner percent-encoded, for it may be any text.
 */
#include "chat_resume_frames.h"

#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define MAGIC "chat-log 1 "
#define WINDOW ((apr_size_t)32 * 1024)
#define ID_DIGITS 18

/* ---- the first line ---- */

const char *chat_resume_frames_make_line(const chat_resume_line_t *line,
                                         apr_pool_t *p)
{
    const char *text = apr_psprintf(p, MAGIC "%c %" APR_TIME_T_FMT " %s %s\n",
                                    line->state, line->created, line->route,
                                    apr_pescape_urlencoded(p, line->owner));

    return strlen(text) <= CHAT_RESUME_LINE_MAX ? text : NULL;
}

apr_status_t chat_resume_frames_parse_line(chat_resume_line_t *line,
                                           const char *data, apr_size_t len,
                                           apr_pool_t *p)
{
    const char *end = memchr(
        data, '\n', len < CHAT_RESUME_LINE_MAX ? len : CHAT_RESUME_LINE_MAX);
    char *text, *word, *rest;

    if (!end)
        return len < CHAT_RESUME_LINE_MAX ? APR_INCOMPLETE : APR_EINVAL;
    text = apr_pstrmemdup(p, data, end - data);
    if (strlen(text) != (apr_size_t)(end - data) ||
        strncmp(text, MAGIC, sizeof(MAGIC) - 1) != 0)
        return APR_EINVAL;
    line->len = end - data + 1;
    line->state = text[CHAT_RESUME_STATE_AT];
    if (!line->state || text[CHAT_RESUME_STATE_AT + 1] != ' ')
        return APR_EINVAL;
    rest = text + CHAT_RESUME_STATE_AT + 2;
    word = apr_strtok(NULL, " ", &rest);
    line->created = word ? apr_atoi64(word) : 0;
    line->route = apr_strtok(NULL, " ", &rest);
    word = apr_strtok(NULL, " ", &rest);
    line->owner = word ? apr_punescape_url(p, word, NULL, NULL, 1) : "";
    return line->route && line->owner ? APR_SUCCESS : APR_EINVAL;
}

/* ---- frames ---- */

/* Behind the blank line that ends the frame that begins at data, or NULL. */
static const char *frame_end(const char *data, apr_size_t len)
{
    const char *blank = memmem(data, len, "\n\n", 2);

    return blank ? blank + 2 : NULL;
}

apr_size_t chat_resume_frames_whole(const char *data, apr_size_t len)
{
    while (len >= 2 && !(data[len - 1] == '\n' && data[len - 2] == '\n'))
        len--;
    return len >= 2 ? len : 0;
}

static apr_int64_t read_id(const char *at, const char *end)
{
    apr_int64_t id = 0;
    int n;

    if (at < end && *at == ' ')
        at++;
    for (n = 0; at < end && apr_isdigit(*at) && n < ID_DIGITS; at++, n++)
        id = id * 10 + (*at - '0');
    return at == end ? id : 0;
}

apr_int64_t chat_resume_frames_id(const char *data, apr_size_t len)
{
    const char *end = data + len, *eol;

    while (data < end && *data != '\n') {
        eol = memchr(data, '\n', end - data);
        if (!eol)
            return 0;
        if (eol - data > 3 && !memcmp(data, "id:", 3))
            return read_id(data + 3, eol);
        data = eol + 1;
    }
    return 0;
}

/* Where the frame ends that begins at *pat and is longer than a window. */
static apr_status_t skip_long(apr_off_t *pat, char *window,
                              chat_resume_read_fn *read, void *ctx)
{
    const char *end;
    apr_off_t at = *pat;
    apr_ssize_t n;

    while ((n = read(ctx, window, WINDOW, at)) > 1) {
        if ((end = frame_end(window, n))) {
            *pat = at + (end - window);
            return APR_SUCCESS;
        }
        at += n - 1; /* the blank line may lie across two windows */
    }
    return n < 0 ? APR_EGENERAL : APR_EOF;
}

/* How many bytes of the window are frames that were had. */
static apr_size_t pass_over(apr_int64_t *plast, int *pfound, const char *window,
                            apr_size_t len, apr_int64_t after)
{
    const char *at = window, *end;
    apr_int64_t id;

    while ((end = frame_end(at, len - (at - window)))) {
        id = chat_resume_frames_id(at, end - at);
        if (id > after) {
            *pfound = 1;
            break;
        }
        *plast = id;
        at = end;
    }
    return at - window;
}

apr_status_t chat_resume_frames_seek(apr_off_t *pat, apr_int64_t *plast,
                                     chat_resume_read_fn *read, void *ctx,
                                     apr_int64_t after)
{
    char window[WINDOW];
    apr_status_t rv = APR_SUCCESS;
    apr_size_t passed;
    apr_int64_t id;
    apr_ssize_t n;
    int found = 0;

    *plast = 0;
    while (rv == APR_SUCCESS && (n = read(ctx, window, WINDOW, *pat)) > 0) {
        passed = pass_over(plast, &found, window, n, after);
        *pat += passed;
        if (found || (!passed && (apr_size_t)n < WINDOW))
            return APR_SUCCESS;
        if (passed)
            continue;
        id = chat_resume_frames_id(window, n);
        if (id > after)
            return APR_SUCCESS;
        rv = skip_long(pat, window, read, ctx);
        if (rv == APR_SUCCESS)
            *plast = id;
    }
    if (rv == APR_EOF)
        return APR_SUCCESS;
    return rv == APR_SUCCESS && n < 0 ? APR_EGENERAL : rv;
}
