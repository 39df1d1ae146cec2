/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator wrote of moderation: a part of chat_config.h, with the
 * same rules.
 */
#ifndef CHAT_CONFIG_MODERATION_H
#define CHAT_CONFIG_MODERATION_H

#include <apr_file_io.h>
#include <apr_tables.h>

/* What a list looks at (ChatModerationList in=), as bits. */
typedef enum {
    CHAT_MODERATION_IN_INPUT = 1 << 0,
    CHAT_MODERATION_IN_OUTPUT = 1 << 1
} chat_moderation_in_e;

/* How much of what was found its client is told (ChatModerationTell). */
typedef enum {
    CHAT_MODERATION_TELL_OFF,
    CHAT_MODERATION_TELL_CATEGORY,
    CHAT_MODERATION_TELL_REASON
} chat_moderation_tell_e;

/* What happens where something could not be looked for (fail=). */
typedef enum {
    CHAT_MODERATION_FAIL_USUAL, /* what is asked is refused, answers go on */
    CHAT_MODERATION_FAIL_OPEN,
    CHAT_MODERATION_FAIL_CLOSED
} chat_moderation_fail_e;

/* So many names of lists and services of all servers are counted. */
#define CHAT_MODERATION_SLOTS 64

/* One ChatModerationList line. Complete when it is read. */
typedef struct chat_moderation_conf_t {
    const char *name; /* [A-Za-z0-9_-]{1,32}; also in logs */
    int off;          /* "ChatModerationList NAME off": removes the outer one */
    int slot;         /* of chat_config_moderation_slot() */
    int action;       /* chat_moderation_e: BLOCK, REPLACE or FLAG */
    int in;           /* chat_moderation_in_e */
    int fail;         /* chat_moderation_fail_e */
    struct chat_moderation_list_t *list; /* of chat_moderation.h */
} chat_moderation_conf_t;

/* A file of what moderation found (ChatModerationAudit). */
typedef struct chat_moderation_audit_t {
    const char *path;
    apr_file_t *file; /* NULL until the server has opened it */
} chat_moderation_audit_t;

/* [config time] The slot of a name that moderation counts by, or -1: there are
 * CHAT_MODERATION_SLOTS others. It holds until the configuration is read again.
 */
int chat_config_moderation_slot(const char *name, apr_pool_t *pconf);
/* The name of a slot, NULL behind the last. */
const char *chat_config_moderation_name(int slot);
/* Every file of ChatModerationAudit: chat_moderation_audit_t *, or NULL. */
const apr_array_header_t *chat_config_moderation_audits(void);

#endif
