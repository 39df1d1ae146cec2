/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the log of a stream. The first byte is what a reader has had. */
#include "fuzz.h"

#include <string.h>

#include "../../src/resume/chat_resume_frames.h"

typedef struct text_t {
    const char *data;
    apr_size_t len;
} text_t;

static apr_ssize_t read_text(void *ctx, char *data, apr_size_t len,
                             apr_off_t at)
{
    const text_t *text = ctx;
    apr_size_t left = (apr_size_t)at < text->len ? text->len - at : 0;

    if (len > left)
        len = left;
    if (len)
        memcpy(data, text->data + at, len);
    return (apr_ssize_t)len;
}

/* Where a reader that has had after begins, frame by frame. */
static apr_size_t seek_plainly(const text_t *text, apr_int64_t after,
                               apr_int64_t *plast)
{
    apr_size_t at = 0;
    const char *end;

    *plast = 0;
    while ((end = memmem(text->data + at, text->len - at, "\n\n", 2))) {
        apr_size_t len = end + 2 - (text->data + at);
        apr_int64_t id = chat_resume_frames_id(text->data + at, len);

        if (id > after)
            break;
        *plast = id;
        at += len;
    }
    return at;
}

static void check_line(const text_t *text, apr_pool_t *p)
{
    chat_resume_line_t line, again;
    const char *made;

    if (chat_resume_frames_parse_line(&line, text->data, text->len, p) !=
        APR_SUCCESS)
        return;
    MUST(line.len <= text->len && text->data[line.len - 1] == '\n');
    MUST(text->data[CHAT_RESUME_STATE_AT] == line.state);
    made = chat_resume_frames_make_line(&line, p);
    if (!made)
        return;
    MUST(chat_resume_frames_parse_line(&again, made, strlen(made), p) ==
         APR_SUCCESS);
    MUST(again.state == line.state && again.created == line.created);
    MUST(!strcmp(again.owner, line.owner) && !strcmp(again.route, line.route));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    text_t text = {.data = (const char *)data + 1};
    apr_int64_t after, last, plain_last;
    apr_size_t whole, plain;
    apr_off_t at = 0;
    apr_pool_t *p;

    if (!size)
        return 0;
    text.len = size - 1;
    after = data[0];
    p = fuzz_pool();
    check_line(&text, p);
    plain = seek_plainly(&text, after, &plain_last);
    MUST(chat_resume_frames_seek(&at, &last, read_text, &text, after) ==
         APR_SUCCESS);
    MUST((apr_size_t)at == plain && last == plain_last);
    whole = chat_resume_frames_whole(text.data, text.len);
    MUST(whole <= text.len && (apr_size_t)at <= (whole ? whole : 0));
    apr_pool_destroy(p);
    return 0;
}
