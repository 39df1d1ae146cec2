/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of users in a directory of this machine: OWNER/ID below it, of which no
 * part is the client's word. No link is followed on the way. A file appears
 * whole, under its name, or not at all; none is ever written over.
 */
#include "chat_upload_int.h"

#include <string.h>

#include <http_core.h>
#include <http_log.h>
#include <apr_base64.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chat_crypto.h"

#define CHUNK 8192

/* ---- URLs ---- */

static const char *sign(const chat_upload_file_t *f, const char *method,
                        const char *expires, apr_pool_t *p)
{
    const char *text = apr_pstrcat(p, method, "\n", f->id, "\n", expires, NULL);
    unsigned char mac[CHAT_SHA256_LEN];
    char *hex = apr_palloc(p, 2 * CHAT_SHA256_LEN + 1);

    if (chat_crypto_hmac(mac, f->seal, strlen(f->seal), text, strlen(text)) !=
        APR_SUCCESS)
        return NULL;
    chat_crypto_hex(hex, mac, sizeof(mac));
    return hex;
}

apr_status_t chat_upload_dir_url(const char **purl, const chat_upload_at_t *at,
                                 const chat_upload_file_t *f,
                                 const char *method, int seconds)
{
    const char *expires = apr_psprintf(at->p, "%" APR_TIME_T_FMT,
                                       apr_time_sec(apr_time_now()) + seconds);
    const char *signature = sign(f, method, expires, at->p), *path;
    const char *site = chat_upload_conf(at->s)->public_url;

    if (!signature || !at->location)
        return APR_EGENERAL;
    path =
        apr_pstrcat(at->p, at->location, "/", f->id, "/file?expires=", expires,
                    "&signature=", signature, NULL);
    if (!site && !at->r)
        return APR_EGENERAL;
    *purl = site ? apr_pstrcat(at->p, site, path, NULL)
                 : ap_construct_url(at->p, path, at->r);
    return APR_SUCCESS;
}

/* The value of a member of the query, as it stands there. */
static const char *member(const request_rec *r, const char *name)
{
    apr_size_t len = strlen(name);
    const char *at = r->args;

    for (; at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL)
        if (!strncmp(at, name, len) && at[len] == '=')
            return apr_pstrmemdup(r->pool, at + len + 1,
                                  strcspn(at + len + 1, "&"));
    return NULL;
}

int chat_upload_signed(request_rec *r, const chat_upload_file_t *f,
                       const char *method)
{
    const char *expires = member(r, "expires");
    const char *signature = member(r, "signature"), *known;

    if (!expires || !signature ||
        strspn(expires, "0123456789") != strlen(expires) ||
        strlen(expires) > 12 || strlen(signature) != 2 * CHAT_SHA256_LEN)
        return 0;
    known = sign(f, method, expires, r->pool);
    return known && chat_crypto_equal(known, signature, 2 * CHAT_SHA256_LEN) &&
           apr_atoi64(expires) > apr_time_sec(apr_time_now());
}

/* ---- the way to a file ---- */

/* Its directory and its name there; close what is returned. -1: errno says why
 * not. */
static int open_owner(const char **pname, const chat_upload_at_t *at,
                      const chat_upload_file_t *f, int make)
{
    const char *slash = strchr(f->key, '/');
    const char *owner = apr_pstrmemdup(at->p, f->key, slash - f->key);
    int top = open(chat_upload_conf(at->s)->directory,
                   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd;

    if (top < 0) {
        /* Not the file is missing: the place is. */
        errno = errno == ENOENT ? ENXIO : errno;
        return -1;
    }
    if (make && mkdirat(top, owner, 0700) && errno != EEXIST) {
        close(top);
        return -1;
    }
    fd = openat(top, owner, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    close(top);
    *pname = apr_pstrmemdup(at->p, slash + 1, strcspn(slash + 1, "/"));
    return fd;
}

static apr_status_t fail(const chat_upload_at_t *at, const char *what,
                         chat_err_t *err)
{
    int code = errno;

    if (code == ENOENT)
        return APR_NOTFOUND;
    return chat_upload_fail(
        at, code, what,
        apr_pstrcat(at->p, "in ", chat_upload_conf(at->s)->directory, NULL),
        err);
}

/* -1: errno says why not. */
static int open_file(const chat_upload_at_t *at, const chat_upload_file_t *f)
{
    const char *name;
    int dir = open_owner(&name, at, f, 0), fd, code;

    if (dir < 0)
        return -1;
    /* A pipe of that name would make it wait. */
    fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    code = errno;
    close(dir);
    errno = code;
    return fd;
}

static apr_status_t close_it(void *file)
{
    close((int)(apr_uintptr_t)file);
    return APR_SUCCESS;
}

apr_status_t chat_upload_open(apr_file_t **pfile, const chat_upload_at_t *at,
                              const chat_upload_file_t *f, chat_err_t *err)
{
    apr_os_file_t fd = open_file(at, f);
    struct stat st;

    if (fd < 0)
        return fail(at, "read", err);
    apr_pool_cleanup_register(at->p, (void *)(apr_uintptr_t)fd, close_it,
                              close_it);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return APR_NOTFOUND;
    return apr_os_file_put(pfile, &fd, APR_FOPEN_READ, at->p);
}

/* ---- reading ---- */

apr_status_t chat_upload_dir_stat(chat_upload_stat_t *found,
                                  const chat_upload_at_t *at,
                                  const chat_upload_file_t *f, chat_err_t *err)
{
    const char *name;
    struct stat st;
    int dir = open_owner(&name, at, f, 0), failed;

    if (dir < 0)
        return fail(at, "looked at", err);
    failed = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
    close(dir);
    if (failed || !S_ISREG(st.st_mode))
        return APR_NOTFOUND;
    found->size = st.st_size;
    return APR_SUCCESS;
}

apr_status_t chat_upload_dir_read(const chat_upload_at_t *at,
                                  const chat_upload_file_t *f, apr_int64_t most,
                                  chat_upload_bytes_cb *bytes, void *ctx,
                                  chat_err_t *err)
{
    int fd = open_file(at, f);
    char data[CHUNK];
    ssize_t n = 0;
    apr_int64_t got = 0;

    if (fd < 0)
        return fail(at, "read", err);
    while ((!most || got < most) && (n = read(fd, data, sizeof(data))) > 0) {
        if (most && n > most - got)
            n = (ssize_t)(most - got);
        got += n;
        if (bytes(ctx, data, (apr_size_t)n) != APR_SUCCESS)
            break;
    }
    if (n < 0) {
        apr_status_t rv = fail(at, "read", err);

        close(fd);
        return rv;
    }
    close(fd);
    return APR_SUCCESS;
}

/* ---- writing ---- */

typedef struct writer_t {
    const chat_upload_at_t *at;
    const chat_upload_file_t *f;
    const chat_upload_source_t *from;
    chat_crypto_digest_t *digest;
    int fd;
} writer_t;

static int write_all(int fd, const char *data, apr_size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        data += n;
        len -= (apr_size_t)n;
    }
    return 1;
}

static apr_status_t check_digest(const writer_t *w, chat_err_t *err)
{
    unsigned char sum[CHAT_SHA256_LEN];
    char text[2 * CHAT_SHA256_LEN];

    if (!w->f->sha256)
        return APR_SUCCESS;
    if (chat_crypto_digest_end(w->digest, sum) != APR_SUCCESS)
        return chat_upload_fail(w->at, APR_EGENERAL, "checked",
                                "there is no digest", err);
    apr_base64_encode_binary(text, sum, sizeof(sum));
    return strcmp(text, w->f->sha256) == 0
               ? APR_SUCCESS
               : chat_upload_mismatch(err, "The bytes are not those whose "
                                           "sha256 was announced.");
}

/* No more than was announced is ever on the disk. */
static apr_status_t copy(const writer_t *w, chat_err_t *err)
{
    apr_int64_t left = w->f->size;
    char data[CHUNK];

    for (;;) {
        apr_size_t len = sizeof(data);
        apr_status_t rv = w->from->get(w->from->ctx, data, &len, err);

        if (rv != APR_SUCCESS)
            return rv;
        if (!len)
            break;
        if ((apr_int64_t)len > left)
            return chat_upload_mismatch(err,
                                        "There are more bytes than announced.");
        left -= (apr_int64_t)len;
        if (w->digest)
            chat_crypto_digest_add(w->digest, data, len);
        if (!write_all(w->fd, data, len))
            return chat_upload_fail(w->at, errno, "written", "the disk says no",
                                    err);
    }
    if (left)
        return chat_upload_mismatch(err,
                                    "There are fewer bytes than announced.");
    return check_digest(w, err);
}

/* Under its name, if nothing has that: link(), unlike rename(), says so. */
static apr_status_t publish(int dir, const char *temp, const char *name,
                            const writer_t *w, chat_err_t *err)
{
    if (!fsync(w->fd) && !linkat(dir, temp, dir, name, 0) && !fsync(dir))
        return APR_SUCCESS;
    return errno == EEXIST
               ? chat_err_set(err, APR_EEXIST, HTTP_CONFLICT, "upload_exists",
                              "This file has been uploaded already.")
               : chat_upload_fail(w->at, errno, "written",
                                  chat_upload_conf(w->at->s)->directory, err);
}

apr_status_t chat_upload_dir_write(const chat_upload_at_t *at,
                                   const chat_upload_file_t *f,
                                   const chat_upload_source_t *from,
                                   chat_err_t *err)
{
    writer_t w = {.at = at, .f = f, .from = from};
    const char *name, *temp, *mark = chat_upload_seal(at->p);
    int dir = open_owner(&name, at, f, 1);
    apr_status_t rv;

    if (dir < 0 || !mark) {
        if (dir >= 0)
            close(dir);
        return chat_upload_fail(at, errno, "written",
                                chat_upload_conf(at->s)->directory, err);
    }
    temp = apr_pstrcat(at->p, name, ".", mark, NULL);
    w.fd = openat(dir, temp,
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (f->sha256)
        w.digest = chat_crypto_digest_begin(at->p);
    if (w.fd < 0)
        rv = chat_upload_fail(at, errno, "written",
                              chat_upload_conf(at->s)->directory, err);
    else {
        rv = copy(&w, err);
        if (rv == APR_SUCCESS)
            rv = publish(dir, temp, name, &w, err);
        close(w.fd);
        unlinkat(dir, temp, 0);
    }
    close(dir);
    return rv;
}

/* What processes that were killed have left of it. */
static void remove_parts(int dir, const char *name)
{
    const apr_size_t len = strlen(name);
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *all = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;

    while (all && (e = readdir(all)))
        if (!strncmp(e->d_name, name, len) && e->d_name[len] == '.')
            unlinkat(dir, e->d_name, 0);
    if (all)
        closedir(all);
    else if (fd >= 0)
        close(fd);
}

apr_status_t chat_upload_dir_remove(const chat_upload_at_t *at,
                                    const chat_upload_file_t *f,
                                    chat_err_t *err)
{
    const char *name;
    int dir = open_owner(&name, at, f, 0);
    apr_status_t rv = APR_SUCCESS;

    if (dir < 0 || unlinkat(dir, name, 0))
        rv = fail(at, "deleted", err);
    if (dir >= 0) {
        remove_parts(dir, name);
        close(dir);
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}
