/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/chat_tls.c, with a server of OpenSSL's in the same thread. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "chat_tls.h"
#include "unit.h"

static SSL_CTX *client_ctx, *server_ctx;
static SSL *client, *server;
static int fds[2];

static void certify(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();

    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    ck_assert(X509_sign(cert, key, EVP_sha256()) > 0);
    ck_assert_int_eq(SSL_CTX_use_certificate(server_ctx, cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(server_ctx, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static SSL *make(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);

    ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
    return ssl;
}

static void read_nothing(void)
{
    char data[64];
    apr_size_t n;

    ck_assert_int_eq(chat_tls_recv(client, data, sizeof(data), &n), APR_EAGAIN);
    ck_assert_uint_eq(n, 0);
}

/* A connection whose tickets for sessions were read. */
static void setup(void)
{
    int done[2] = {0, 0}, i;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds),
                     0);
    client_ctx = SSL_CTX_new(TLS_client_method());
    server_ctx = SSL_CTX_new(TLS_server_method());
    certify();
    client = make(client_ctx, fds[0]);
    server = make(server_ctx, fds[1]);
    for (i = 0; i < 10 && !(done[0] && done[1]); i++) {
        done[0] = SSL_connect(client) == 1;
        done[1] = SSL_accept(server) == 1;
    }
    ck_assert(done[0] && done[1]);
    read_nothing();
}

static void teardown(void)
{
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(client_ctx);
    SSL_CTX_free(server_ctx);
    close(fds[0]);
    close(fds[1]);
}

static void adopt(void)
{
    char ours[64];

    snprintf(ours, sizeof(ours), "OpenSSL/%s",
             OpenSSL_version(OPENSSL_VERSION_STRING));
    ck_assert_int_eq(chat_tls_adopt(client, fds[0], ours), APR_SUCCESS);
}

static void say(const char *text)
{
    ck_assert_int_eq(SSL_write(server, text, strlen(text)), strlen(text));
}

static void read_text(const char *text)
{
    char data[64];
    apr_size_t n;

    ck_assert_int_eq(chat_tls_recv(client, data, sizeof(data), &n),
                     APR_SUCCESS);
    ck_assert_uint_eq(n, strlen(text));
    ck_assert_int_eq(memcmp(data, text, n), 0);
}

static void read_end(apr_status_t rv)
{
    char data[64];
    apr_size_t n;

    ck_assert_int_eq(chat_tls_recv(client, data, sizeof(data), &n), rv);
    ck_assert_uint_eq(n, 0);
}

START_TEST(another_openssl_is_left_alone)
{
    BIO *bio = SSL_get_rbio(client);

    ck_assert_int_eq(chat_tls_adopt(client, fds[0], "OpenSSL/0.9.7"),
                     APR_ENOTIMPL);
    ck_assert_int_eq(chat_tls_adopt(client, fds[0], "GnuTLS/3.7.9"),
                     APR_ENOTIMPL);
    ck_assert_int_eq(chat_tls_adopt(client, fds[0], NULL), APR_ENOTIMPL);
    ck_assert_ptr_eq(SSL_get_rbio(client), bio);
}
END_TEST

/* Its socket says nothing any more after the first. */
START_TEST(several_records_are_read_at_once)
{
    adopt();
    say("one");
    say("two");
    say("three");
    ck_assert_int_eq(chat_tls_has_more(client), 0);
    read_text("one");
    ck_assert_int_eq(recv(fds[0], (char[1]){0}, 1, 0), -1);
    ck_assert_int_eq(chat_tls_has_more(client), 1);
    read_text("two");
    read_text("three");
    ck_assert_int_eq(chat_tls_has_more(client), 0);
    read_nothing();
}
END_TEST

START_TEST(a_good_bye_behind_data_is_kept)
{
    adopt();
    say("last");
    SSL_shutdown(server);
    read_text("last");
    ck_assert_int_eq(chat_tls_has_more(client), 1);
    read_end(APR_EOF);
}
END_TEST

START_TEST(an_end_without_good_bye_is_none)
{
    adopt();
    say("last");
    shutdown(fds[1], SHUT_WR);
    read_text("last");
    read_end(APR_EGENERAL);
}
END_TEST

/* Half of a record comes first. */
START_TEST(half_of_a_record_is_no_data)
{
    char data[256];
    ssize_t len;

    adopt();
    say("whole");
    len = recv(fds[0], data, sizeof(data), 0);
    ck_assert_int_eq(send(fds[1], data, 7, 0), 7);
    read_nothing();
    ck_assert_int_eq(chat_tls_has_more(client), 1);
    ck_assert_int_eq(send(fds[1], data + 7, len - 7, 0), len - 7);
    read_text("whole");
    ck_assert_int_eq(chat_tls_has_more(client), 0);
}
END_TEST

START_TEST(what_is_no_tls_is_broken)
{
    adopt();
    say("good");
    ck_assert_int_eq(send(fds[1], "HTTP/1.1 400 X\r\n\r\n", 18, 0), 18);
    read_text("good");
    read_end(APR_EGENERAL);
}
END_TEST

/* The other side wants an answer of ours: it goes to the socket. */
START_TEST(keys_are_changed)
{
    char data[64];

    adopt();
    ck_assert_int_eq(SSL_key_update(server, SSL_KEY_UPDATE_REQUESTED), 1);
    say("with new keys");
    read_text("with new keys");
    ck_assert_int_eq(SSL_write(client, "likewise", 8), 8);
    ck_assert_int_eq(SSL_read(server, data, sizeof(data)), 8);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_tls");
    TCase *cases = tcase_create("tls");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, another_openssl_is_left_alone);
    tcase_add_test(cases, several_records_are_read_at_once);
    tcase_add_test(cases, a_good_bye_behind_data_is_kept);
    tcase_add_test(cases, an_end_without_good_bye_is_none);
    tcase_add_test(cases, half_of_a_record_is_no_data);
    tcase_add_test(cases, what_is_no_tls_is_broken);
    tcase_add_test(cases, keys_are_changed);
    suite_add_tcase(suite, cases);
    return suite;
}
