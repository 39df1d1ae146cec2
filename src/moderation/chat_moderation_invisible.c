/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Characters that nobody sees, and that a model reads all the same: a whole
 * text can be written in tags, or in variation selectors, behind an emoji.
 * Which characters those are is Unicode's Default_Ignorable_Code_Point. Scripts
 * and emoji need some of them: a joiner or a selector or two behind a
 * character that is not ASCII, and behind any a soft hyphen, a variation
 * selector or a mark of direction. Pure.
 */
#include "chat_moderation_int.h"

#include <string.h>

#include <apr_strings.h>

/* So many in a row are no accident. */
#define ROW CHAT_MODERATION_INVISIBLE_FEW
/* Between a black flag and the tag that ends it, a region has as many. */
#define FLAG_TAGS 6

#define BLACK_FLAG 0x1f3f4
#define CANCEL_TAG 0xe007f

/* A walk through a text. */
typedef struct place_t {
    int ascii; /* 1: the last character that can be seen is ASCII; -1: there is
                  none yet */
    int row;   /* invisible ones since then */
    int flag;  /* tags that may still follow, the last of them CANCEL_TAG */
} place_t;

static int is_tag(apr_int32_t c)
{
    return c >= 0xe0000 && c <= CANCEL_TAG;
}

static int is_usual(apr_int32_t c)
{
    return c == 0xad || c == 0x200e || c == 0x200f || c == 0x61c ||
           (c >= 0xfe00 && c <= 0xfe0f);
}

/* 1: a tag of a flag. */
static int is_flag(place_t *at, apr_int32_t c)
{
    int fits = at->flag > 0 && (at->flag > 1 || c == CANCEL_TAG);

    at->flag = c == CANCEL_TAG ? 0 : at->flag - 1;
    return fits;
}

/* 1: nobody sees it, and nothing needs it there. */
static int is_hidden(place_t *at, apr_int32_t c)
{
    if (chat_moderation_text_is_control(c) ||
        chat_moderation_text_place(c) != CHAT_MODERATION_IGNORED) {
        at->ascii = c < 0x80;
        at->row = 0;
        at->flag = c == BLACK_FLAG ? FLAG_TAGS + 1 : 0;
        return 0;
    }
    if (is_tag(c) && is_flag(at, c))
        return 0;
    if (!is_tag(c))
        at->flag = 0;
    at->row++;
    return is_tag(c) || at->ascii < 0 ||
           at->row > (at->ascii ? is_usual(c) : 2);
}

void chat_moderation_invisible(chat_moderation_invisible_t *found,
                               const char *text, apr_size_t len)
{
    place_t at = {.ascii = -1};
    apr_size_t used;

    memset(found, 0, sizeof(*found));
    for (; len; text += used, len -= used) {
        apr_int32_t c = chat_moderation_text_next(text, len, &used);

        found->characters++;
        if (!is_hidden(&at, c))
            continue;
        found->invisible++;
        found->hides |= is_tag(c) || at.row > ROW;
    }
}

const char *chat_moderation_visible(const char *text, apr_size_t len,
                                    apr_pool_t *p)
{
    char *out = apr_palloc(p, len + 1), *end = out;
    place_t at = {.ascii = -1};
    apr_size_t used;

    for (; len; text += used, len -= used) {
        if (is_hidden(&at, chat_moderation_text_next(text, len, &used)))
            continue;
        memcpy(end, text, used);
        end += used;
    }
    *end = '\0';
    return out;
}

const char *chat_moderation_plain(const char *text, apr_size_t len,
                                  apr_pool_t *p)
{
    apr_size_t n, i;
    char *form =
        chat_moderation_text_form(&n, CHAT_MODERATION_PLAIN, text, len, p);
    char *end = form;

    for (i = 0; i < n; i++) {
        if (form[i] == '\0' || strchr(" \t\n\v\f\r", form[i]) == NULL)
            *end++ = form[i];
        else if (end > form && end[-1] != ' ')
            *end++ = ' ';
    }
    while (end > form && end[-1] == ' ')
        end--;
    *end = '\0';
    return form;
}
