/* SPDX-License-Identifier: Apache-2.0 */
/* When a set of keys is fetched. See chat_auth_jwks_slot.h. */
#include "chat_auth_jwks_slot.h"

typedef chat_auth_jwks_slot_t slot_t;

/* Not to 0, after 4 billion of them. */
void chat_auth_jwks_slot_turn(slot_t *slot)
{
    apr_uint32_t next = slot->version + 1;

    __atomic_store_n(&slot->version, next ? next : 1, __ATOMIC_RELEASE);
}

int chat_auth_jwks_slot_take(slot_t *slot, apr_int64_t now, apr_int64_t *pwait)
{
    apr_int64_t next = slot->due > slot->leased ? slot->due : slot->leased;

    if (now < next) {
        *pwait = next - now;
        return 0;
    }
    slot->leased = now + CHAT_AUTH_JWKS_LEASE;
    return 1;
}

void chat_auth_jwks_slot_fetched(slot_t *slot, apr_int64_t now, apr_int64_t age)
{
    apr_int64_t keep = CHAT_AUTH_JWKS_USUAL;

    if (age >= 0)
        keep = age < CHAT_AUTH_JWKS_CEILING / 1000000 ? age * 1000000
                                                      : CHAT_AUTH_JWKS_CEILING;
    if (keep < CHAT_AUTH_JWKS_FLOOR)
        keep = CHAT_AUTH_JWKS_FLOOR;
    chat_auth_jwks_slot_turn(slot);
    slot->failed = 0;
    slot->due = now + keep;
    slot->leased = 0;
}

int chat_auth_jwks_slot_failed(slot_t *slot, apr_int64_t now)
{
    int first = !slot->failed;

    slot->failed = 1;
    slot->due = now + CHAT_AUTH_JWKS_AGAIN;
    slot->leased = 0;
    return first;
}

int chat_auth_jwks_slot_is_pending(const slot_t *slot, apr_int64_t now)
{
    return now >= slot->due || now < slot->leased;
}

int chat_auth_jwks_slot_ask(slot_t *slot, apr_int64_t now)
{
    if (slot->asked && now < slot->asked + CHAT_AUTH_JWKS_GAP)
        return 0;
    slot->asked = now;
    slot->due = now;
    return 1;
}
