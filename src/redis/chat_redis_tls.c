/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS to Redis, where hiredis has it (1.0 and later, as Makefile.apxs finds).
 * The helper of hiredis does not compare names, so the handshake is set up
 * here: the certificate has to be signed by an authority of ChatRedis ca=, else
 * of the system, and to be that of the URL's host. Any thread; the context is
 * made once.
 */
#include "chat_redis_int.h"

#ifdef CHAT_HIREDIS_SSL

#include <apr_strings.h>

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static SSL_CTX *ctx; /* read-only after start-up */

static apr_status_t free_ctx(void *baton)
{
    SSL_CTX_free(ctx);
    ctx = NULL;
    return APR_SUCCESS;
}

const char *chat_redis_tls_init(const char *ca, apr_pool_t *pconf)
{
    int good;

    ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx)
        return "no TLS context can be made";
    apr_pool_cleanup_register(pconf, NULL, free_ctx, apr_pool_cleanup_null);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    good = ca ? SSL_CTX_load_verify_locations(ctx, ca, NULL)
              : SSL_CTX_set_default_verify_paths(ctx);
    ERR_clear_error();
    if (good != 1)
        return ca ? apr_pstrcat(pconf,
                                "no certificate can be read from ca=", ca, NULL)
                  : "the system's certificates cannot be read";
    return NULL;
}

/* The certificate has to have this name, or this address. */
static int expect(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return 1;
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, host) == 1;
}

apr_status_t chat_redis_tls_start(redisContext *c, const char *host,
                                  const char **pwhy, apr_pool_t *p)
{
    SSL *ssl = SSL_new(ctx);
    long verified;

    if (ssl && expect(ssl, host) && redisInitiateSSL(c, ssl) == REDIS_OK)
        return APR_SUCCESS;
    verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    *pwhy = verified != X509_V_OK
                ? apr_pstrcat(p, "its certificate is refused: ",
                              X509_verify_cert_error_string(verified), NULL)
            : c->err ? apr_pstrdup(p, c->errstr)
                     : "no TLS session can be made";
    SSL_free(ssl); /* the connection has not taken it */
    ERR_clear_error();
    return APR_EGENERAL;
}

#else

const char *chat_redis_tls_init(const char *ca, apr_pool_t *pconf)
{
    return "this build has no TLS to Redis, which needs hiredis 1.0 with "
           "hiredis_ssl: use redis:// or unix://, or a local TLS proxy";
}

apr_status_t chat_redis_tls_start(redisContext *c, const char *host,
                                  const char **pwhy, apr_pool_t *p)
{
    *pwhy = "this build has no TLS";
    return APR_ENOTIMPL;
}

#endif
