/* SPDX-License-Identifier: Apache-2.0 */
/* What an upstream says, thrown at the anthropic provider. */
#include "fuzz_provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_provider(&chat_provider_anthropic, data, size);
}
