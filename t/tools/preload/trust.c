/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets httpd's libcurl trust one certificate more, preloaded: where it loads
 * the system's authorities the file that CHAT_TEST_TRUST names is loaded, too.
 * For benchmarks over TLS, in which everything is checked as in real life.
 */
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdlib.h>

typedef int load_file_t(X509_STORE *, const char *);
typedef int load_locations_t(X509_STORE *, const char *, const char *);

static int add(X509_STORE *store, int rc)
{
    load_locations_t *load =
        (load_locations_t *)dlsym(RTLD_NEXT, "X509_STORE_load_locations");
    const char *file = getenv("CHAT_TEST_TRUST");

    return rc && file ? load(store, file, NULL) : rc;
}

/* From OpenSSL 3.0 on, and before. */
int X509_STORE_load_file(X509_STORE *store, const char *file)
{
    load_file_t *load = (load_file_t *)dlsym(RTLD_NEXT, "X509_STORE_load_file");

    return add(store, load(store, file));
}

int X509_STORE_load_locations(X509_STORE *store, const char *file,
                              const char *dir)
{
    load_locations_t *load =
        (load_locations_t *)dlsym(RTLD_NEXT, "X509_STORE_load_locations");

    return add(store, load(store, file, dir));
}
