/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provider says of a question may repeat it, and questions reach no log.
 * So what stands in the body of the call as well is left out, and so are long
 * quotations, which a provider may have spelled in another way. Names of
 * members stand in the body, too, but nobody asks in words like
 * max_completion_tokens. Pure, whoever owns the request.
 */
#include "chat_run_said.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_err.h"

/* Windows of so many bytes are looked for, one each few. */
#define WINDOW 12
#define STEP 4

/* Between quotation marks; a longer one is no name. */
#define LONGEST_QUOTATION 40

#define LEFT_OUT "..."

typedef struct said_t {
    const char *text;
    apr_size_t len;
    const char *asked;
    apr_size_t asked_len;
    const char *model;                      /* or "" */
    char hidden[CHAT_REFUSAL_TEXT_MAX + 1]; /* 1: that byte is left out */
} said_t;

/* ---- what is left out ---- */

static void hide(said_t *said, apr_size_t from, apr_size_t to)
{
    while (from > 0 && !apr_isspace(said->text[from - 1]))
        from--;
    while (to < said->len && !apr_isspace(said->text[to]))
        to++;
    memset(said->hidden + from, 1, to - from);
}

static int is_name(const said_t *said, const char *window)
{
    apr_size_t i;

    if (memmem(said->model, strlen(said->model), window, WINDOW))
        return 1;
    for (i = 0; i < WINDOW; i++) {
        if (!apr_islower(window[i]) && window[i] != '_')
            return 0;
    }
    return memchr(window, '_', WINDOW) != NULL;
}

/* All that is the same before and behind the window at i, which was found. The
 * place behind it in the text. */
static apr_size_t hide_run(said_t *said, apr_size_t i, const char *found)
{
    const char *end = said->asked + said->asked_len;
    const char *before = found, *behind = found + WINDOW;
    apr_size_t from = i, to = i + WINDOW;

    while (from > 0 && before > said->asked &&
           said->text[from - 1] == before[-1]) {
        from--;
        before--;
    }
    while (to < said->len && behind < end && said->text[to] == *behind) {
        to++;
        behind++;
    }
    hide(said, from, to);
    return to;
}

static void hide_repeated(said_t *said)
{
    apr_size_t i = 0;

    while (i + WINDOW <= said->len) {
        const char *window = said->text + i;
        const char *found =
            is_name(said, window)
                ? NULL
                : memmem(said->asked, said->asked_len, window, WINDOW);

        i = found ? hide_run(said, i, found) : i + STEP;
    }
}

static void hide_quoted(said_t *said)
{
    apr_size_t i;

    for (i = 0; i < said->len; i++) {
        const char *at = said->text + i, *end;

        if (!strchr("\"'`", *at) || (i && apr_isalnum(at[-1])))
            continue;
        end = strchr(at + 1, *at);
        if (!end)
            end = said->text + said->len;
        if (end - at > LONGEST_QUOTATION)
            hide(said, i, end - said->text);
        i = end - said->text;
    }
}

/* ---- what is left ---- */

const char *chat_run_said(const char *text, const char *asked,
                          apr_size_t asked_len, const char *model,
                          apr_pool_t *p)
{
    said_t said = {
        .text = text,
        .asked = asked,
        .asked_len = asked_len,
        .model = model ? model : "",
    };
    char *out, *to;
    apr_size_t i;

    if (!text || !*text || !asked)
        return NULL;
    said.len = strnlen(text, CHAT_REFUSAL_TEXT_MAX);
    hide_repeated(&said);
    hide_quoted(&said);
    out = to = apr_palloc(p, said.len * sizeof(LEFT_OUT) + 1);
    for (i = 0; i < said.len; i++) {
        if (!said.hidden[i])
            *to++ = text[i];
        else if (i == 0 || !said.hidden[i - 1])
            to = apr_cpystrn(to, LEFT_OUT, sizeof(LEFT_OUT));
    }
    *to = '\0';
    return out;
}
