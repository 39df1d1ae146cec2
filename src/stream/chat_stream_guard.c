/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to addresses that users name. The name is looked up here, and the call
 * is to one of its public addresses, whatever the name becomes meanwhile; and
 * what curl really connects to is looked at once more. Such a call has a
 * connection of its own, which nobody else uses, before or after.
 */
#include "chat_xfer_int.h"

#include <netdb.h>
#include <unistd.h>

#include <http_log.h>
#include <apr_strings.h>

#include "chat_address.h"
#include "chat_log.h"

/* So many threads of a child wait at most for name servers that users chose. */
#define LOOKUPS_MAX 4

/* The first of its addresses that is public; 0: there is none. */
static int find_public(char *text, size_t size, const struct addrinfo *list)
{
    for (; list; list = list->ai_next)
        if (chat_address_is_public(list->ai_addr) &&
            !getnameinfo(list->ai_addr, list->ai_addrlen, text, size, NULL, 0,
                         NI_NUMERICHOST))
            return 1;
    return 0;
}

static int look_up(const char *host, const struct addrinfo *hints,
                   struct addrinfo **plist)
{
    static int waiting;
    int error = EAI_AGAIN;

    if (__atomic_add_fetch(&waiting, 1, __ATOMIC_RELAXED) <= LOOKUPS_MAX)
        error = getaddrinfo(host, NULL, hints, plist);
    __atomic_sub_fetch(&waiting, 1, __ATOMIC_RELAXED);
    return error;
}

/* Whether there is no such name or it leads inside is told to nobody. */
apr_status_t chat_stream_resolve_public(const char **pwhere, request_rec *r,
                                        const char *host, chat_err_t *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char text[NI_MAXHOST];
    int error = look_up(host, &hints, &list);
    int found = !error && find_public(text, sizeof(text), list);

    if (list)
        freeaddrinfo(list);
    if (!found) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      CHATNO(0530) "a user's base URL is not asked: %s",
                      error ? gai_strerror(error)
                            : "its name has no public address");
        return chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY,
                            "upstream_unreachable",
                            "The provider cannot be reached right now.");
    }
    *pwhere = apr_psprintf(r->pool,
                           strchr(text, ':') ? "::[%s]:443" : "::%s:443", text);
    return APR_SUCCESS;
}

static curl_socket_t open_public(void *baton, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    if (!chat_address_is_public(&address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

struct curl_slist *chat_stream_guard_set(CURL *easy, const chat_call_t *call)
{
    struct curl_slist *where;

    if (!call->guarded)
        return NULL;
    where = curl_slist_append(NULL, call->guarded);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, where);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_public);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    return where;
}

/* ---- what curl keeps of a key ---- */

void chat_stream_guard_wipe(struct curl_slist *lines)
{
    for (; lines; lines = lines->next)
        if (lines->data)
            explicit_bzero(lines->data, strlen(lines->data));
}
