/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A form with a file (multipart/form-data, RFC 7578), taken apart as it comes:
 * never more of it is in memory than a buffer. Pure, any thread.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_sniff.h"

/* All headers of a part, and more than any boundary. */
#define BUFFER 8192
#define BOUNDARY_MAX 70

struct chat_request_form_t {
    chat_request_form_file_t file;
    chat_request_form_get_fn *get;
    void *ctx;
    const char *mark; /* CR LF "--" and the boundary */
    apr_size_t mark_len;
    char data[BUFFER];
    apr_size_t len;
    int ended;
    apr_pool_t *p;
};

typedef chat_request_form_t form_t;

static apr_status_t refuse(chat_err_t *err, const char *message)
{
    return chat_err_set(err, APR_EINVAL, 400, "invalid_request", message);
}

/* ---- bytes ---- */

static apr_status_t fill(form_t *form, chat_err_t *err)
{
    apr_size_t room = BUFFER - form->len;
    apr_status_t rv = form->get(form->ctx, form->data + form->len, &room, err);

    if (rv != APR_SUCCESS)
        return rv;
    form->ended = !room;
    form->len += room;
    return form->ended ? refuse(err, "The form ends too early.") : APR_SUCCESS;
}

static void drop(form_t *form, apr_size_t n)
{
    form->len -= n;
    memmove(form->data, form->data + n, form->len);
}

/* Bytes that are before the mark, as far as is known; *pfound: it follows. */
static apr_size_t before_mark(const form_t *form, int *pfound)
{
    const char *at = memmem(form->data, form->len, form->mark, form->mark_len);

    *pfound = at != NULL;
    if (at)
        return (apr_size_t)(at - form->data);
    return form->len < form->mark_len ? 0 : form->len - form->mark_len + 1;
}

apr_status_t chat_request_form_read(form_t *form, char *data, apr_size_t *plen,
                                    chat_err_t *err)
{
    apr_size_t n;
    int found;

    for (;;) {
        apr_status_t rv;

        n = before_mark(form, &found);
        if (n || found)
            break;
        rv = fill(form, err);
        if (rv != APR_SUCCESS)
            return rv;
    }
    if (n > *plen)
        n = *plen;
    memcpy(data, form->data, n);
    drop(form, n);
    *plen = n;
    return APR_SUCCESS;
}

/* ---- headers ---- */

/* The value of a parameter in quotes, or NULL. */
static const char *parameter(const char *line, const char *name, apr_pool_t *p)
{
    const char *key = apr_pstrcat(p, name, "=\"", NULL), *at = line;

    /* Not that of filename= for name=. */
    while ((at = strstr(at, key)) != NULL && at > line &&
           !strchr("; \t", at[-1]))
        at++;
    if (!at)
        return NULL;
    at += strlen(key);
    return strchr(at, '"') ? apr_pstrmemdup(p, at, strcspn(at, "\"")) : NULL;
}

/* Browsers write a quote so. */
static const char *plain_name(const char *name, apr_pool_t *p)
{
    char *out = apr_palloc(p, strlen(name) + 1), *to = out;

    for (; *name; name++) {
        int quote = !strncmp(name, "%22", 3);

        *to++ = quote ? '"' : *name;
        name += quote ? 2 : 0;
    }
    *to = '\0';
    return out;
}

static const char *header(const char *lines, const char *name, apr_pool_t *p)
{
    apr_size_t len = strlen(name);

    while (lines && *lines) {
        if (!strncasecmp(lines, name, len)) {
            lines += len;
            lines += strspn(lines, " \t");
            return apr_pstrmemdup(p, lines, strcspn(lines, "\r"));
        }
        lines = strstr(lines, "\r\n");
        lines = lines ? lines + 2 : NULL;
    }
    return NULL;
}

/* 1: it is the part that is wanted. */
static int is_file(form_t *form, const char *lines)
{
    const char *what = header(lines, "Content-Disposition:", form->p);
    const char *name = what ? parameter(what, "name", form->p) : NULL;
    const char *filename = what ? parameter(what, "filename", form->p) : NULL;
    const char *type = header(lines, "Content-Type:", form->p);

    if (!name || strcmp(name, "file") != 0 || !filename)
        return 0;
    form->file.filename = plain_name(filename, form->p);
    form->file.media_type = type ? type : "application/octet-stream";
    return 1;
}

static int is_text(const char *text)
{
    chat_sniff_text_t state = {0};

    return chat_sniff_text(&state, text, strlen(text)) && !state.wanted;
}

/* Behind the mark: the end, or the headers of a part. */
static apr_status_t next_part(const char **plines, form_t *form,
                              chat_err_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    char *end = NULL;

    drop(form, form->mark_len);
    while (rv == APR_SUCCESS && form->len < 2)
        rv = fill(form, err);
    if (rv == APR_SUCCESS && !memcmp(form->data, "--", 2))
        return refuse(err, "The form has no file: a part of the name "
                           "\"file\", with a filename.");
    while (rv == APR_SUCCESS &&
           !(end = memmem(form->data, form->len, "\r\n\r\n", 4))) {
        if (form->len == BUFFER)
            return refuse(err, "The headers of a part are too long.");
        rv = fill(form, err);
    }
    if (rv != APR_SUCCESS)
        return rv;
    if (memcmp(form->data, "\r\n", 2))
        return refuse(err, "The boundary is followed by more than its line.");
    /* The CR LF of a mark that follows at once stays. */
    *plines =
        apr_pstrmemdup(form->p, form->data + 2,
                       end > form->data ? (apr_size_t)(end - form->data) : 0);
    drop(form, (apr_size_t)(end + 4 - form->data));
    return APR_SUCCESS;
}

static apr_status_t skip(form_t *form, chat_err_t *err)
{
    char data[1024];
    apr_size_t len;
    apr_status_t rv;

    do {
        len = sizeof(data);
        rv = chat_request_form_read(form, data, &len, err);
    } while (rv == APR_SUCCESS && len);
    return rv;
}

/* ---- the form ---- */

static const char *boundary_of(const char *type, apr_pool_t *p)
{
    static const char name[] = "boundary=";
    const char *at = type ? strcasestr(type, name) : NULL;
    apr_size_t len;

    if (!at)
        return NULL;
    at += sizeof(name) - 1;
    if (*at == '"')
        len = strcspn(++at, "\"");
    else
        len = strcspn(at, "; \t");
    return len && len <= BOUNDARY_MAX ? apr_pstrmemdup(p, at, len) : NULL;
}

apr_status_t chat_request_form_open(chat_request_form_t **pform,
                                    const char *content_type,
                                    chat_request_form_get_fn *get, void *ctx,
                                    chat_err_t *err, apr_pool_t *p)
{
    const char *boundary = boundary_of(content_type, p), *lines = NULL;
    form_t *form = apr_palloc(p, sizeof(*form));
    apr_status_t rv;

    if (!boundary)
        return refuse(err, "The Content-Type has no boundary.");
    form->get = get;
    form->ctx = ctx;
    form->p = p;
    form->ended = 0;
    form->mark = apr_pstrcat(p, "\r\n--", boundary, NULL);
    form->mark_len = strlen(form->mark);
    /* The first mark has no line before it. */
    memcpy(form->data, "\r\n", 2);
    form->len = 2;
    do {
        rv = skip(form, err);
        if (rv == APR_SUCCESS)
            rv = next_part(&lines, form, err);
    } while (rv == APR_SUCCESS && !is_file(form, lines));
    if (rv == APR_SUCCESS && !is_text(form->file.filename))
        rv = refuse(err, "The filename is not in UTF-8.");
    *pform = form;
    return rv;
}

const chat_request_form_file_t *
chat_request_form_file(const chat_request_form_t *form)
{
    return &form->file;
}
