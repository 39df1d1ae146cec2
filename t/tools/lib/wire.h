/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A non-blocking TCP connection, plain or TLS, for both ends of the test
 * tools.
 */
#ifndef TOOLS_WIRE_H
#define TOOLS_WIRE_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <sys/types.h>

#define WIRE_EOF 0
#define WIRE_AGAIN (-1)  /* wait for wire->want */
#define WIRE_BROKEN (-2) /* reset, or TLS failed */

typedef struct wire_t {
    int fd;
    SSL *ssl;      /* NULL: plain */
    unsigned want; /* after WIRE_AGAIN: EPOLLIN or EPOLLOUT */
} wire_t;

/* Take over a connected (or connecting) socket. */
void wire_open(wire_t *w, int fd, SSL_CTX *tls, int server);
/* 1: done; else WIRE_AGAIN or WIRE_BROKEN. A plain one is done at once. */
int wire_handshake(wire_t *w);
ssize_t wire_read(wire_t *w, void *data, size_t n);
ssize_t wire_write(wire_t *w, const void *data, size_t n);
/* rst: no FIN but a reset. */
void wire_close(wire_t *w, int rst);

SSL_CTX *wire_tls_server(const char *cert, const char *key);
SSL_CTX *wire_tls_client(void);

#endif
