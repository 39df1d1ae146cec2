/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of the policies: counters of each, the keys that asked most in
 * the last hour, and a log line per refusal, bounded. In memory that all
 * children share and that outlives restarts; any thread, one lock.
 *
 * The keys' table is bounded: a new key takes the place of the one that asked
 * least and starts from its count ("space saving"), so that who asks much is
 * in it for certain. Keys are kept as digests: they are ids and addresses, and
 * few enough to be tried one by one, if it were not for the salt.
 */
#include "chat_limit_int.h"

#include <http_main.h>
#include <mpm_common.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_log.h"

#define POLICIES_MAX 64
#define KEYS_MAX 128
#define HOUR_SECONDS 3600
/* Lines in the log for refusals, per second; the others are only counted. */
#define LINES_PER_SECOND 10

typedef struct seen_key_t {
    char name[65];
    apr_uint64_t asked, refused;
} seen_key_t;

typedef struct board_t {
    chat_shared_lock_t lock;
    unsigned char salt[16]; /* of the digests of keys, till the server stops */
    int npolicies;
    chat_limit_stats_t policy[POLICIES_MAX];
    apr_time_t hour; /* when the keys' hour began */
    int nkeys;
    apr_uint64_t id[KEYS_MAX]; /* of each key: all that a search looks at */
    seen_key_t key[KEYS_MAX];
    apr_time_t second; /* of the log */
    int lines;         /* written in it */
    apr_uint64_t kept; /* lines not written since the last */
} board_t;

static board_t *board;

static void enter(void)
{
    chat_shared_lock(&board->lock);
}

static void leave(void)
{
    chat_shared_unlock(&board->lock);
}

static chat_limit_stats_t *find_policy(const char *name)
{
    int i;

    for (i = 0; i < board->npolicies; i++)
        if (!strcmp(board->policy[i].name, name))
            return &board->policy[i];
    if (i == POLICIES_MAX)
        return NULL;
    apr_cpystrn(board->policy[i].name, name, sizeof(board->policy[i].name));
    board->npolicies++;
    return &board->policy[i];
}

static void count_policy(const char *name, chat_tally_e what)
{
    chat_limit_stats_t *row = find_policy(name);

    if (!row)
        return;
    row->allowed += what == CHAT_TALLY_ALLOWED;
    row->refused += what == CHAT_TALLY_REFUSED;
    row->exempt += what == CHAT_TALLY_EXEMPT;
    row->degraded += what == CHAT_TALLY_DEGRADED;
    row->shadowed += what == CHAT_TALLY_SHADOWED;
}

static int in_clear(void)
{
    return chat_config_server(ap_server_conf)->limit_keys_clear;
}

/* Part of the key's digest. Another part for one that is shown as it is: when
 * the administrator changes his mind, each gets a new row. */
static apr_uint64_t id_of(const char *key)
{
    unsigned char sum[CHAT_SHA256_LEN] = {0};
    apr_uint64_t id[2];

    if (board)
        chat_crypto_hmac(sum, (const char *)board->salt, sizeof(board->salt),
                         key, strlen(key));
    memcpy(id, sum, sizeof(id));
    return id[in_clear() ? 1 : 0];
}

/* How a key is shown: its digest, or as it is when the administrator wants
 * that. What came from outside is made fit for a page and a log. */
static void show(char out[65], const char *key, apr_uint64_t id)
{
    if (!in_clear()) {
        chat_crypto_hex(out, &id, sizeof(id));
        return;
    }
    apr_cpystrn(out, key, 65);
    for (; *out; out++)
        if (!apr_isalnum(*out) && !strchr("{}:.+@/_-", *out))
            *out = '?';
}

/* The place of the one that asked least. */
static int least_asked(void)
{
    int i, least = 0;

    for (i = 1; i < board->nkeys; i++)
        if (board->key[i].asked < board->key[least].asked)
            least = i;
    return least;
}

static seen_key_t *find_key(const char *key, apr_uint64_t id)
{
    seen_key_t *row;
    int i;

    for (i = 0; i < board->nkeys; i++)
        if (board->id[i] == id)
            return &board->key[i];
    if (board->nkeys < KEYS_MAX) {
        row = &board->key[board->nkeys++];
        memset(row, 0, sizeof(*row));
    }
    else {
        i = least_asked();
        row = &board->key[i];
    }
    board->id[i] = id;
    row->refused = 0;
    show(row->name, key, id);
    return row;
}

static void count_key(const char *key, apr_uint64_t id, chat_tally_e what)
{
    apr_time_t now = apr_time_now();
    seen_key_t *row;

    if (now - board->hour > apr_time_from_sec(HOUR_SECONDS) ||
        now < board->hour) {
        board->hour = now;
        board->nkeys = 0;
    }
    row = find_key(key, id);
    row->asked++;
    row->refused += what == CHAT_TALLY_REFUSED;
}

int chat_limit_tally(const chat_limit_conf_t *policy, const char *key,
                     chat_tally_e what, int wait)
{
    int counts = key && what != CHAT_TALLY_DEGRADED;
    apr_uint64_t id;

    if (!board)
        return 1;
    id = counts ? id_of(key) : 0;
    if (wait)
        enter();
    else if (!chat_shared_trylock(&board->lock))
        return 0;
    count_policy(policy->name, what);
    if (counts)
        count_key(key, id, what);
    leave();
    return 1;
}

apr_int64_t chat_limit_may_log(void)
{
    apr_time_t now = apr_time_now();
    apr_int64_t kept = -1;

    if (!board)
        return 0;
    enter();
    if (apr_time_sec(now) != board->second) {
        board->second = apr_time_sec(now);
        board->lines = 0;
    }
    if (board->lines++ < LINES_PER_SECOND) {
        kept = board->kept;
        board->kept = 0;
    }
    else {
        board->kept++;
    }
    leave();
    return kept;
}

void chat_limit_log_refusal(request_rec *r, const chat_count_t *count)
{
    apr_int64_t kept = chat_limit_may_log();
    char name[65];

    if (kept < 0)
        return;
    show(name, count->key, id_of(count->key));
    ap_log_rerror(
        APLOG_MARK, APLOG_NOTICE, 0, r,
        CHATNO(1002) "limit %s refuses %s: %" APR_INT64_T_FMT
                     " of %" APR_INT64_T_FMT " used (%" APR_INT64_T_FMT
                     " more refusals since the last line)",
        count->policy->name, name, count->used, count->policy->points, kept);
}

int chat_limit_stats(chat_limit_stats_t *rows, int max)
{
    int n;

    if (!board)
        return 0;
    enter();
    n = board->npolicies < max ? board->npolicies : max;
    memcpy(rows, board->policy, n * sizeof(*rows));
    leave();
    return n;
}

static int by_asked(const void *a, const void *b)
{
    const chat_limit_top_t *x = a, *y = b;

    return x->asked < y->asked ? 1 : x->asked > y->asked ? -1 : 0;
}

int chat_limit_top(chat_limit_top_t *rows, int max)
{
    chat_limit_top_t all[KEYS_MAX];
    int i, n;

    if (!board)
        return 0;
    enter();
    for (n = board->nkeys, i = 0; i < n; i++) {
        apr_cpystrn(all[i].key, board->key[i].name, sizeof(all[i].key));
        all[i].asked = board->key[i].asked;
        all[i].refused = board->key[i].refused;
    }
    leave();
    qsort(all, n, sizeof(all[0]), by_asked);
    if (n > max)
        n = max;
    memcpy(rows, all, n * sizeof(*rows));
    return n;
}

apr_status_t chat_limit_tally_post_config(apr_pool_t *pconf, server_rec *s)
{
    int made;

    board = chat_shared_retain(&made, "mod_chat_tally_2", sizeof(*board));
    if (board &&
        (!made ||
         (chat_shared_lock_init(&board->lock) &&
          chat_crypto_random(board->salt, sizeof(board->salt)) == APR_SUCCESS)))
        return APR_SUCCESS;
    board = NULL;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(1003) "no shared memory for the limits' counters");
    return APR_ENOMEM;
}
