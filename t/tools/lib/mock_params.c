/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the mock's parameters. Used by the mock and by the load client. */
#include "mock_params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fault_names[] = {
#define MOCK_FAULT(id, name, help) name,
#include "mock_fault_list.h"
#undef MOCK_FAULT
};

static const char *const eol_names[] = {"lf", "crlf", "cr"};
static const char *const frame_names[] = {"chunked", "close"};
static const char *const finish_names[] = {"stop", "length", "filter"};
static const char *const as_names[] = {"openai", "openrouter", "deepseek",
                                       "vllm",   "azure",      "mistral"};

void mock_params_init(mock_params_t *p)
{
    memset(p, 0, sizeof(*p));
    p->seed = 1;
#define MOCK_INT(name, initial, lowest, highest, help) p->name = initial;
#include "mock_int_list.h"
#undef MOCK_INT
}

static int pick(int *out, const char *const *names, int count,
                const char *value)
{
    int i;

    for (i = 0; i < count; i++) {
        if (!strcmp(names[i], value)) {
            *out = i;
            return 0;
        }
    }
    return -1;
}

static int number(int *out, const char *value, long lowest, long highest)
{
    char *end;
    long v = strtol(value, &end, 10);

    if (end == value || *end || v < lowest || v > highest)
        return -1;
    *out = (int)v;
    return 0;
}

#define NAMES(a) (a), (int)(sizeof(a) / sizeof((a)[0]))

static int set(mock_params_t *p, const char *name, const char *value)
{
    char *end;

    if (!strcmp(name, "seed")) {
        p->seed = strtoll(value, &end, 10);
        return end == value || *end ? -1 : 0;
    }
    if (!strcmp(name, "fault"))
        return pick(&p->fault, NAMES(fault_names), value);
    if (!strcmp(name, "eol"))
        return pick(&p->eol, NAMES(eol_names), value);
    if (!strcmp(name, "frame"))
        return pick(&p->frame, NAMES(frame_names), value);
    if (!strcmp(name, "finish"))
        return pick(&p->finish, NAMES(finish_names), value);
    if (!strcmp(name, "as"))
        return pick(&p->as, NAMES(as_names), value);
    if (!strcmp(name, "badkey")) {
        snprintf(p->badkey, sizeof(p->badkey), "%s", value);
        return strlen(value) < sizeof(p->badkey) ? 0 : -1;
    }
#define MOCK_INT(id, initial, lowest, highest, help)                           \
    if (!strcmp(name, #id))                                                    \
        return number(&p->id, value, lowest, highest);
#include "mock_int_list.h"
#undef MOCK_INT
    return -1;
}

static int set_pair(mock_params_t *p, const char *text, size_t len)
{
    char pair[80];
    char *eq;

    if (len >= sizeof(pair))
        return -1;
    memcpy(pair, text, len);
    pair[len] = '\0';
    eq = strchr(pair, '=');
    if (!eq)
        return -1;
    *eq = '\0';
    return set(p, pair, eq + 1);
}

int mock_params_parse(mock_params_t *p, const char *text, size_t len, char *why,
                      size_t why_size)
{
    const char *end = text + len;

    while (text < end) {
        size_t n = 0;
        while (text + n < end && !strchr(";&", text[n]))
            n++;
        if (n && set_pair(p, text, n)) {
            snprintf(why, why_size, "mock: no such parameter: %.*s",
                     n > 60 ? 60 : (int)n, text);
            return -1;
        }
        text += n + 1;
    }
    return 0;
}

int mock_params_from_body(mock_params_t *p, const char *body, size_t len,
                          char *why, size_t why_size)
{
    const char *at = NULL, *next = body, *end;

    while ((next = memmem(next, len - (next - body), "mock(", 5)))
        at = next += 5;
    if (!at)
        return 0;
    end = memchr(at, ')', len - (at - body));
    if (!end)
        return 0;
    return mock_params_parse(p, at, end - at, why, why_size);
}

void mock_params_help(void)
{
    puts("  seed=S               decides every byte of the text (1)");
#define MOCK_INT(name, initial, lowest, highest, help)                         \
    printf("  %-20s %s (%d)\n", #name "=N", help, initial);
#include "mock_int_list.h"
#undef MOCK_INT
    puts("  eol=lf|crlf|cr       line ends of the stream (lf)\n"
         "  frame=chunked|close  how the body ends (chunked)\n"
         "  finish=stop|length|filter  why the answer is over (stop)\n"
         "  as=openai|openrouter|deepseek|vllm|azure|mistral  whose "
         "completions\n"
         "  badkey=END,...       keys with these ends are refused\n"
         "  fault=NAME:");
#define MOCK_FAULT(id, name, help) printf("    %-18s %s\n", name, help);
#include "mock_fault_list.h"
#undef MOCK_FAULT
}
