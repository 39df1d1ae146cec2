/* SPDX-License-Identifier: Apache-2.0 */
/* An event that is larger than what is kept of one: the input, in which each
 * byte from 0xc0 on stands for up to 2 MiB of a text. However it is cut, by its
 * last byte, the event is the same but for texts that are passed over, which
 * are long. */
#include "fuzz.h"

#include <string.h>

#include "chat_sse.h"

#define RUN (32 * 1024)
#define MOST_RUNS 6
#define LONGEST (3 * CHAT_SSE_EVENT_MAX)
#define LEAST_PASSED (4 * 1024)

typedef struct heard_t {
    const char *text;
    size_t len; /* of text */
    int events, oversized;
    size_t kept; /* of its data */
    unsigned hash;
} heard_t;

/* Behind the text that at is in: its quote, or the end. */
static const char *find_end(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++)
        at += *at == '\\' && at + 1 < end;
    return at;
}

/* Both from a quote to the next, the one maybe passed over. */
static void check_text(const char **pat, const char *end, const char **pgot,
                       const char *got_end)
{
    static const char passed[] = CHAT_SSE_PASSED;
    const size_t len = sizeof(passed) - 1;
    const char *over = find_end(*pat, end);

    if ((size_t)(got_end - *pgot) >= len && memcmp(*pgot, passed, len) == 0 &&
        over - *pat > LEAST_PASSED) {
        *pgot += len;
        *pat = over;
        return;
    }
    MUST(got_end - *pgot >= over - *pat);
    MUST(memcmp(*pat, *pgot, over - *pat) == 0);
    *pgot += over - *pat;
    *pat = over;
}

static void check(const char *at, const char *end, const char *got,
                  const char *got_end)
{
    while (at < end) {
        MUST(got < got_end && *at == *got);
        at++;
        got++;
        if (at[-1] != '"')
            continue;
        check_text(&at, end, &got, got_end);
        if (at < end) {
            MUST(got < got_end && *got == '"');
            at++;
            got++;
        }
    }
    MUST(got == got_end);
}

static void hear(void *ctx, const chat_sse_event_t *event)
{
    heard_t *heard = ctx;
    size_t i;

    heard->events++;
    heard->oversized += event->oversized;
    heard->kept = event->data_len;
    MUST(event->data_len <= CHAT_SSE_EVENT_MAX);
    MUST(!event->oversized || event->data_len == 0);
    MUST(event->skimmed || event->oversized || event->data_len == heard->len);
    MUST(!event->skimmed || heard->len > CHAT_SSE_EVENT_MAX);
    for (heard->hash = i = 0; i < event->data_len; i++)
        heard->hash = heard->hash * 31 + (unsigned char)event->data[i];
    if (!event->oversized)
        check(heard->text, heard->text + heard->len, event->data,
              event->data + event->data_len);
}

static char *make_text(const uint8_t *data, size_t size, size_t *plen)
{
    char *text = malloc(size + (size_t)MOST_RUNS * 64 * RUN), *to = text;
    int runs = 0;
    size_t i;

    for (i = 0; i < size; i++) {
        size_t run = data[i] >= 0xc0 && runs < MOST_RUNS && to - text < LONGEST
                         ? (size_t)(data[i] - 0xc0) * RUN
                         : 1;

        runs += run != 1;
        memset(to, run != 1 ? 'A' : data[i] < ' ' ? ' ' : data[i], run);
        to += run;
    }
    *plen = to - text;
    return text;
}

static heard_t hear_all(const char *text, size_t len, size_t piece,
                        apr_pool_t *p)
{
    heard_t heard = {.text = text, .len = len};
    chat_sse_t *sse = chat_sse_create(hear, &heard, p);
    size_t at;

    chat_sse_feed(sse, "data: ", 6);
    for (at = 0; at < len; at += piece)
        chat_sse_feed(sse, text + at, len - at < piece ? len - at : piece);
    chat_sse_feed(sse, "\n\n", 2);
    chat_sse_reset(sse);
    MUST(heard.events == 1);
    return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {16384, 1009, 300007};
    size_t len, piece = pieces[size ? data[size - 1] % 3 : 0];
    apr_pool_t *p = fuzz_pool();
    char *text = make_text(data, size, &len);
    heard_t whole = hear_all(text, len, len + 1, p);
    heard_t some = hear_all(text, len, piece, p);

    MUST(some.oversized == whole.oversized && some.kept == whole.kept &&
         some.hash == whole.hash);
    free(text);
    apr_pool_destroy(p);
    return 0;
}
