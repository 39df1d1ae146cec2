/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the user of a request is called. It is kept with the request and nowhere
 * else: neither in the user, whom logs know, nor in the cache of sessions,
 * which is shared memory. The database is asked for it where somebody wants to
 * know. Request thread.
 */
#include "chat_auth_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_ctx.h"

/* A longer image is no URL that a page would follow: accounts may have whole
 * pictures there. */
#define IMAGE_MAX 2048

typedef struct chat_auth_known_t {
    const char *token; /* of a session, or NULL */
    chat_auth_profile_t profile;
} known_t;

static known_t *remember(request_rec *r)
{
    return chat_ctx(r)->profile = apr_pcalloc(r->pool, sizeof(known_t));
}

/* Of https, or a path of this site: "//" and "/\\" would name another host. */
static int is_url(const char *text)
{
    return strlen(text) <= IMAGE_MAX &&
           (!strncasecmp(text, "https://", 8) ||
            (*text == '/' && text[1] != '/' && text[1] != '\\'));
}

static void fill(chat_auth_profile_t *profile, const char *name,
                 const char *email, const char *image)
{
    profile->name = name;
    profile->email = email;
    profile->image = image && is_url(image) ? image : NULL;
}

void chat_auth_profile_session(request_rec *r, const char *token)
{
    remember(r)->token = apr_pstrdup(r->pool, token);
}

void chat_auth_profile_claims(request_rec *r, const char *name,
                              const char *email, const char *image)
{
    fill(&remember(r)->profile, name, email, image);
}

void chat_auth_profile(chat_auth_profile_t *profile, request_rec *r)
{
    chat_store_profile_t said;
    known_t *known = chat_ctx(r)->profile;

    memset(profile, 0, sizeof(*profile));
    if (!known)
        return;
    if (known->token) {
        chat_store_session_profile(&said, r, known->token);
        fill(&known->profile, said.name, said.email, said.image);
    }
    *profile = known->profile;
}
