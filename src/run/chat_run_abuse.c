/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of ChatAbuse: characters that nobody sees are taken out of what is
 * asked, or it is refused for them. And what policies of it need to know
 * otherwise: which question this is, and whether it was blocked. It stands
 * before lists, which see what is left. Request thread.
 */
#include "chat_run_abuse.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_moderation.h"
#include "chat_run_prompt.h"
#include "chat_run_texts.h"

/* ---- which question ---- */

/* 0: nothing new is asked. */
static int find_prompt(chat_run_prompt_t *question, const chat_run_t *run,
                       apr_pool_t *p)
{
    apr_array_header_t *parts;

    chat_run_prompt(question, run, p);
    if (!run->request.place.parts)
        return question->ends && question->text;
    parts = apr_array_make(p, 1, sizeof(const chat_json_t *));
    APR_ARRAY_PUSH(parts, const chat_json_t *) = run->request.place.parts;
    question->text = chat_request_prompt_text(parts, &question->others, p);
    return 1;
}

/* The digest of a question as it is compared; NULL: there is none. */
static const char *name_question(const chat_run_prompt_t *question,
                                 apr_pool_t *temp, apr_pool_t *p)
{
    unsigned char digest[CHAT_SHA256_LEN];
    const char *text = apr_pstrcat(
        temp,
        chat_moderation_plain(question->text, strlen(question->text), temp),
        "\n", question->others, NULL);
    char *name;

    if (chat_crypto_sha256(digest, text, strlen(text)) != APR_SUCCESS)
        return NULL;
    name = apr_palloc(p, 2 * CHAT_SHA256_LEN + 1);
    chat_crypto_hex(name, digest, CHAT_SHA256_LEN / 2);
    return name;
}

const char *chat_run_abuse_prompt(const chat_run_t *run)
{
    chat_run_prompt_t question;
    const char *name = NULL;
    apr_pool_t *temp;

    if (!chat_limit_counts_repeats(run->conf))
        return NULL;
    apr_pool_create(&temp, run->r->pool);
    if (find_prompt(&question, run, temp))
        name = name_question(&question, temp, run->r->pool);
    apr_pool_destroy(temp);
    return name;
}

/* ---- what nobody sees ---- */

typedef struct looking_t {
    const chat_limit_conf_t *policy;
    apr_pool_t *p;
    int found;
    int strips;  /* 1: texts are changed as they are looked at */
    int refuses; /* 1: of one nothing would be left, or nothing can be changed
                  */
} looking_t;

static int is_over(const chat_moderation_invisible_t *found,
                   const chat_limit_conf_t *policy)
{
    return found->hides ||
           (found->invisible > CHAT_MODERATION_INVISIBLE_FEW &&
            (double)found->invisible * 100 >
                (double)found->characters * (double)policy->points);
}

static const char *look(void *ctx, const char *text, int json, int rigid)
{
    looking_t *looking = ctx;
    chat_moderation_invisible_t found;
    apr_size_t len = strlen(text);
    const char *left;

    chat_moderation_invisible(&found, text, len);
    if (!is_over(&found, looking->policy))
        return text;
    looking->found = 1;
    if (!looking->strips)
        return text;
    left = chat_moderation_visible(text, len, looking->p);
    if (!rigid && *left)
        return left;
    looking->refuses = 1;
    return text;
}

static int acts(chat_run_t *run, const chat_limit_conf_t *policy)
{
    looking_t looking = {
        .policy = policy,
        .p = run->request_pool,
        .strips = policy->strip && !policy->shadow,
        .refuses = !policy->strip,
    };
    const chat_run_texts_t texts = {look, &looking};

    chat_run_texts(run, &texts);
    return chat_limit_invisible_found(run->ticket, policy, looking.found,
                                      looking.refuses);
}

static int abuse_wanted(const chat_run_t *run)
{
    return run->ticket && chat_limit_invisible(run->ticket)->nelts > 0;
}

static apr_status_t abuse_begin(void **pstate, chat_run_t *run, chat_err_t *err)
{
    const apr_array_header_t *policies = chat_limit_invisible(run->ticket);
    int i;

    for (i = 0; i < policies->nelts; i++)
        if (acts(run, APR_ARRAY_IDX(policies, i, const chat_limit_conf_t *)))
            return chat_err_set(err, APR_EGENERAL, HTTP_BAD_REQUEST,
                                "invisible_characters",
                                "There are characters in it that nobody can "
                                "see. Send it without them.");
    return APR_SUCCESS;
}

/* ---- what was blocked ---- */

int chat_run_abuse_blocked(const chat_run_t *run)
{
    return run->record.moderation.action == CHAT_MODERATION_BLOCK ||
           (run->code && !strcmp(run->code, "invisible_characters"));
}

const chat_tap_t chat_run_abuse = {
    .name = "abuse",
    .wanted = abuse_wanted,
    .begin = abuse_begin,
};
