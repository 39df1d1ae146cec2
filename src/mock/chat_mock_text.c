/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of the mock route: it repeats the question, and the one before it,
 * and goes on in whole sentences up to exactly the number of words that is
 * asked for. Runs on whichever thread asks the script; composes on the request
 * thread.
 */
#include "chat_mock_script_int.h"

#include <string.h>

#include <apr_strings.h>

/* Words of a question that are repeated, and bytes of each of them. */
#define LONGEST_QUOTE 16
#define LONGEST_WORD 48

/* "You said", two questions and the "after" between them. */
#define MOST_ECHOED (2 + LONGEST_QUOTE + 1 + LONGEST_QUOTE)

#define SPACES " \t\r\n\f\v"

/* JSON need not escape these. No sentence has more words than the longest
 * closing and one. */
static const char *const text[] = {
    "I",    "am",    "a",      "mock.", "No",    "model",  "was",    "asked.",
    "No",   "token", "was",    "paid",  "for.",  "These",  "words",  "come",
    "one",  "by",    "one.",   "A",     "real",  "answer", "would,", "too.",
    "The",  "gate",  "is",     "no",    "mock.", "Nor",    "is",     "its",
    "log.", "The",   "stream", "is",    "real",  "—",      "voilà.",
};

#define NTEXT ((int)(sizeof(text) / sizeof(text[0])))

/* The last sentence, where there is no room for one of those above. */
static const char *const closings[][5] = {
    {"Done."},
    {"That's", "all."},
    {"That", "is", "all."},
    {"And", "that", "is", "all."},
    {"That", "is", "all", "I", "say."},
};

const char *chat_mock_text_word(const chat_mock_script_t *s, int word)
{
    int said = word - s->nechoed;

    if (said < 0)
        return s->echo[word];
    if (said < s->told)
        return text[said % NTEXT];
    return closings[s->words - s->nechoed - s->told - 1][said - s->told];
}

/* Whole sentences, and the closing that makes up the rest of n words. */
static int whole_sentences(int n)
{
    int closing = 0;

    while (closing < n % NTEXT && !strchr(text[n % NTEXT - closing - 1], '.'))
        closing++;
    return n - closing;
}

/* The question ------------------------------------------------------------ */

static const char *text_of(const chat_json_t *content)
{
    const char *said = chat_json_string(content);
    int i;

    for (i = 0; !said && i < chat_json_length(content); i++)
        said =
            chat_json_string(chat_json_get(chat_json_at(content, i), "text"));
    return said;
}

/* What the user said last in the messages before *pn, which becomes the index
 * of that message; NULL: nothing. */
static const char *last_question(const chat_json_t *messages, int *pn)
{
    while (--*pn >= 0) {
        const chat_json_t *message = chat_json_at(messages, *pn);
        const char *role = chat_json_string(chat_json_get(message, "role"));
        const char *said = text_of(chat_json_get(message, "content"));

        if (role && !strcmp(role, "user") && said && said[strspn(said, SPACES)])
            return said;
    }
    return NULL;
}

/* A word as JSON text, cut where it is too long. */
static const char *escaped(const char *word, apr_size_t len, apr_pool_t *p)
{
    apr_size_t kept = len < LONGEST_WORD ? len : LONGEST_WORD;
    const char *quoted;

    while (kept < len && (word[kept] & 0xc0) == 0x80)
        kept++;
    quoted = chat_json_quote(apr_pstrcat(p, apr_pstrmemdup(p, word, kept),
                                         kept < len ? "…" : "", NULL),
                             p);
    return apr_pstrmemdup(p, quoted + 1, strlen(quoted) - 2);
}

/* Append said in quotation marks, in most words at most. */
static void quote(chat_mock_script_t *s, const char *said, int most,
                  apr_pool_t *p)
{
    int first = s->nechoed, last;

    if (most > LONGEST_QUOTE)
        most = LONGEST_QUOTE;
    said += strspn(said, SPACES);
    while (*said && s->nechoed - first < most) {
        apr_size_t len = strcspn(said, SPACES);

        s->echo[s->nechoed++] = escaped(said, len, p);
        said += len;
        said += strspn(said, SPACES);
    }
    last = s->nechoed - 1;
    s->echo[first] = apr_pstrcat(p, "“", s->echo[first], NULL);
    s->echo[last] = apr_pstrcat(p, s->echo[last], *said ? "…”" : "”", NULL);
}

static void echo(chat_mock_script_t *s, const chat_json_t *messages,
                 apr_pool_t *p)
{
    int n = chat_json_length(messages);
    const char *said = chat_json_string(messages);

    if (!said)
        said = last_question(messages, &n);
    if (!said || !said[strspn(said, SPACES)] || s->words < 3)
        return;
    s->echo = apr_palloc(p, MOST_ECHOED * sizeof(*s->echo));
    s->echo[s->nechoed++] = "You";
    s->echo[s->nechoed++] = "said";
    quote(s, said, s->words - s->nechoed, p);
    said = last_question(messages, &n);
    if (said && s->words - s->nechoed >= 2) {
        s->echo[s->nechoed++] = "after";
        quote(s, said, s->words - s->nechoed, p);
    }
    s->echo[s->nechoed - 1] =
        apr_pstrcat(p, s->echo[s->nechoed - 1], ".", NULL);
}

void chat_mock_text_compose(chat_mock_script_t *s, const chat_json_t *messages,
                            apr_pool_t *p)
{
    echo(s, messages, p);
    s->told = whole_sentences(s->words - s->nechoed);
}
