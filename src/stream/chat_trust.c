/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom upstreams' certificates are checked by: the file of authorities that
 * curl was built with, as curl would do it. But curl reads it for each multi
 * handle, and where there is a folder besides the file, as in Debian, both anew
 * for each connection: 15 ms on an engine and a megabyte. Here it is read once,
 * with the configuration, and all handles of all children share it.
 *
 * With a curl that has another TLS library than OpenSSL curl does it.
 */
#include "chat_xfer_int.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#define CURL_WITH_CAINFO 0x074600 /* curl_version_info()->cainfo */

/* Written before there are threads. */
static X509_STORE *store;
static int has_file;

static const char *authorities(const curl_version_info_data *curl)
{
#if LIBCURL_VERSION_NUM >= CURL_WITH_CAINFO
    if (curl->age >= CURLVERSION_SEVENTH)
        return curl->cainfo;
#endif
    return NULL;
}

static int is_openssl(const curl_version_info_data *curl)
{
    return curl->ssl_version && !strncmp(curl->ssl_version, "OpenSSL/", 8);
}

static apr_status_t forget(void *unused)
{
    X509_STORE_free(store);
    store = NULL;
    return APR_SUCCESS;
}

void chat_trust_global(apr_pool_t *pconf)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    const char *file = authorities(curl);

    has_file = file != NULL;
    if (!file || !is_openssl(curl) || !(store = X509_STORE_new()))
        return;
    apr_pool_cleanup_register(pconf, NULL, forget, apr_pool_cleanup_null);
    /* curl's own flags: an intermediate that is trusted is enough. */
    X509_STORE_set_flags(store,
                         X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    if (X509_STORE_load_locations(store, file, NULL) != 1) {
        forget(NULL); /* curl will say what is wrong with it */
        ERR_clear_error();
    }
}

static CURLcode use_store(CURL *easy, void *ssl, void *unused)
{
    SSL_CTX_set1_cert_store(ssl, store);
    return CURLE_OK;
}

void chat_trust_set(CURL *easy)
{
    if (store) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, use_store);
    }
    /* The file alone curl keeps, from 7.87 on. */
    if (has_file)
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}
