/* SPDX-License-Identifier: Apache-2.0 */
/* What the mock route shows when it is asked to. Any thread. */
#include "chat_mock_try.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define PREFIX "try:"
#define SPACES " \t\r\n\f\v"

static const char markdown[] =
    "# What a page has to draw\n\n"
    "A paragraph with **strong**, *emphasized*, ~~struck~~ and `plain` words, "
    "[a link](https://httpd.apache.org/) and a price of $5, which is no "
    "formula.\n\n"
    "## Lists\n\n"
    "1. The first of two\n"
    "2. The second, with more:\n"
    "   - a tree\n"
    "   - a *leaf*\n\n"
    "- [x] done\n"
    "- [ ] to be done\n\n"
    "## A table\n\n"
    "| Model | Context | Price |\n"
    "|:------|--------:|:-----:|\n"
    "| small | 128K    | $0.15 |\n"
    "| large | 1M      | $2.50 |\n\n"
    "## Code\n\n"
    "```python\n"
    "def reserve(budget: int, wanted: int) -> int:\n"
    "    \"\"\"What is taken of a budget.\"\"\"\n"
    "    return min(budget, wanted)  # never more than there is\n"
    "```\n\n"
    "## Formulas\n\n"
    "The root of a square, \\(\\sqrt{x^2} = |x|\\), and a sum:\n\n"
    "$$\n\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}\n$$\n\n"
    "> A quotation, which is\n> two lines long.\n\n"
    "---\n\n"
    "Other scripts: Привіт, 你好, مرحبا. <b>No HTML.</b>\n";

static const char thought[] =
    "The question is which model to take. A small one is cheap and quick; a "
    "large one knows more. Nobody said how hard the question is, so I begin "
    "with the small one and look at what it says.";

static const char after_thought[] =
    "Begin with the **small** model. If its answer does not hold, ask the "
    "large one.\n";

static const chat_mock_try_t tries[] = {
    {.word = "markdown", .text = markdown, .pace = 20000},
    {.word = "think", .thought = thought, .text = after_thought},
    {.word = "tool", .call = "weather", .text = "{\"city\":\"Kyiv\"}"},
    {.word = "slow", .wait = APR_USEC_PER_SEC * 12, .pace = 300000},
    {.word = "long", .words = 2000, .pace = 10000},
    {.word = "break", .words = 40, .breaks = 20},
    {.word = "fail",
     .status = 500,
     .code = "server_error",
     .message = "The mock fails, as it was asked to."},
    {.word = "limit",
     .status = 429,
     .code = "rate_limit_exceeded",
     .message = "The mock is asked too often, as it was told to say.",
     .retry_after = "20"},
};

const chat_mock_try_t *chat_mock_try_find(const char *said)
{
    apr_size_t i, len;

    if (!said)
        return NULL;
    said += strspn(said, SPACES);
    if (strncasecmp(said, PREFIX, strlen(PREFIX)) != 0)
        return NULL;
    said += strlen(PREFIX);
    said += strspn(said, SPACES);
    for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        len = strlen(tries[i].word);
        if (!strncasecmp(said, tries[i].word, len) && !apr_isalnum(said[len]))
            return &tries[i];
    }
    return NULL;
}
