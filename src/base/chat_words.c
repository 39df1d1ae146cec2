/* SPDX-License-Identifier: Apache-2.0 */
/* Words in a list. Pure, any thread. */
#include "chat_words.h"

#include <string.h>

int chat_words_has(const char *list, const char *word)
{
    size_t want = strlen(word), len;

    for (; list && *list; list += len) {
        list += strspn(list, ", ");
        len = strcspn(list, ", ");
        if (len && len == want && !memcmp(list, word, len))
            return 1;
    }
    return 0;
}
