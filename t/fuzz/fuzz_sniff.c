/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a file that somebody has sent: whatever they are, they are
 * one of the known types or none, and sizes come in pairs. */
#include "fuzz.h"

#include <string.h>

#include "chat_sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chat_sniff_t found, again;

    chat_sniff(&found, data, size);
    MUST(!found.type || chat_sniff_knows(found.type));
    MUST(!found.width == !found.height);
    MUST(found.width >= 0 && found.width <= 4294967295);
    MUST(found.height >= 0 && found.height <= 4294967295);
    MUST(found.type || !found.width);
    /* A file that is cut is of no other type. */
    chat_sniff(&again, data, size / 2);
    MUST(!again.type || (found.type && !strcmp(again.type, found.type)));
    return 0;
}
