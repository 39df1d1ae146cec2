/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of ChatLimit as the administrator wrote them: a part of
 * chat_config.h, with the same rules. */
#ifndef CHAT_CONFIG_LIMIT_H
#define CHAT_CONFIG_LIMIT_H

#include <ap_expr.h>
#include <apr_network_io.h>

#include "chat_types.h"

/* Whose points a policy counts (ChatLimit NAME POINTS/WINDOW KEY). */
typedef enum {
    CHAT_LIMIT_BY_USER,    /* the account; a guest by its address */
    CHAT_LIMIT_BY_IP,      /* the client's address, as mod_remoteip has it */
    CHAT_LIMIT_BY_USER_IP, /* both together */
    CHAT_LIMIT_BY_EXPR     /* an httpd expression */
} chat_limit_by_e;

/* What a policy counts (unit=). */
typedef enum {
    CHAT_LIMIT_REQUESTS, /* one per request */
    CHAT_LIMIT_TOKENS,   /* reserved before, settled after */
    CHAT_LIMIT_STREAMS,  /* open at the same time; has no window */
    CHAT_LIMIT_COST      /* money, reserved and settled like tokens */
} chat_limit_unit_e;

/* What a policy does when Redis cannot answer (fail=). */
typedef enum {
    CHAT_LIMIT_FAIL_OPEN,   /* lets through */
    CHAT_LIMIT_FAIL_CLOSED, /* refuses with 503 */
    CHAT_LIMIT_FAIL_LOCAL   /* counts in this server's own table */
} chat_limit_fail_e;

/* One ChatLimit line. Complete when it is read: nothing is unset. */
typedef struct chat_limit_conf_t {
    const char *name;   /* [A-Za-z0-9_-]{1,32}; also in headers and logs */
    int off;            /* "ChatLimit NAME off": removes the outer one */
    apr_int64_t points; /* at most so many; of money 1e-10 USD */
    int window;         /* seconds, from the first use; 0: streams */
    int period;         /* chat_limit_period_e; if there is one, window is how
                           long it mostly is */
    chat_limit_zone_t zone;     /* of the period */
    int by;                     /* chat_limit_by_e */
    const ap_expr_info_t *expr; /* CHAT_LIMIT_BY_EXPR: a string expression */
    int unit;                   /* chat_limit_unit_e */
    const char *tier;           /* only for this tier, NULL: any */
    const char *model;          /* only for this model, NULL: any */
    int ipv4_bits;              /* of the address that count, 32 */
    int ipv6_bits;              /* 64 */
    int fail;                   /* chat_limit_fail_e */
    int shadow;                 /* 1: counts, never refuses */
    int cut;            /* 1: ends a running stream whose budget is gone */
    int warn;           /* percent: who has used so many is told, 0: nobody */
    int reserve;        /* tokens, when the request names no maximum */
    int compat;         /* 1: rate-limiter-flexible's keys */
    const char *prefix; /* keyPrefix of these (its default: "rlflx") */
} chat_limit_conf_t;

/* One condition of ChatLimitExempt; any that holds exempts. */
typedef struct chat_limit_exempt_t {
    const char *role;           /* one of the user's roles, or NULL */
    const char *user;           /* NAMESPACE:ID or ID, or NULL */
    apr_ipsubnet_t *net;        /* the client's network, or NULL */
    const ap_expr_info_t *expr; /* a boolean expression, or NULL */
} chat_limit_exempt_t;

#endif
