/* SPDX-License-Identifier: Apache-2.0 */
/* Plain and TLS sockets behind one face. One thread. */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void wire_open(wire_t *w, int fd, SSL_CTX *tls, int server)
{
    int one = 1;

    w->fd = fd;
    w->ssl = NULL;
    w->want = 0;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (tls) {
        w->ssl = SSL_new(tls);
        SSL_set_fd(w->ssl, fd);
        if (server)
            SSL_set_accept_state(w->ssl);
        else
            SSL_set_connect_state(w->ssl);
    }
}

/* What OpenSSL meant by rc. */
static int tls_why(wire_t *w, int rc)
{
    switch (SSL_get_error(w->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        w->want = EPOLLIN;
        return WIRE_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        w->want = EPOLLOUT;
        return WIRE_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return WIRE_EOF;
    default:
        return WIRE_BROKEN;
    }
}

static int plain_why(wire_t *w, unsigned want)
{
    w->want = want;
    return errno == EAGAIN || errno == EINTR ? WIRE_AGAIN : WIRE_BROKEN;
}

int wire_handshake(wire_t *w)
{
    int rc;

    if (!w->ssl)
        return 1;
    ERR_clear_error();
    rc = SSL_do_handshake(w->ssl);
    if (rc == 1)
        return 1;
    rc = tls_why(w, rc);
    return rc == WIRE_AGAIN ? WIRE_AGAIN : WIRE_BROKEN;
}

ssize_t wire_read(wire_t *w, void *data, size_t n)
{
    ssize_t got;

    if (!w->ssl) {
        got = recv(w->fd, data, n, 0);
        return got < 0 ? plain_why(w, EPOLLIN) : got;
    }
    ERR_clear_error();
    got = SSL_read(w->ssl, data, (int)n);
    return got > 0 ? got : tls_why(w, (int)got);
}

ssize_t wire_write(wire_t *w, const void *data, size_t n)
{
    ssize_t put;

    if (!n)
        return 0;
    if (!w->ssl) {
        put = send(w->fd, data, n, MSG_NOSIGNAL);
        return put < 0 ? plain_why(w, EPOLLOUT) : put;
    }
    ERR_clear_error();
    put = SSL_write(w->ssl, data, n > 16384 ? 16384 : (int)n);
    if (put > 0)
        return put;
    put = tls_why(w, (int)put);
    return put == WIRE_EOF ? WIRE_BROKEN : put;
}

void wire_close(wire_t *w, int rst)
{
    struct linger now = {1, 0};

    if (w->fd < 0)
        return;
    if (rst)
        setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    else if (w->ssl)
        SSL_shutdown(w->ssl);
    SSL_free(w->ssl);
    close(w->fd);
    w->ssl = NULL;
    w->fd = -1;
}

static void set_modes(SSL_CTX *tls)
{
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

SSL_CTX *wire_tls_server(const char *cert, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    set_modes(tls);
    if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        SSL_CTX_free(tls);
        return NULL;
    }
    return tls;
}

SSL_CTX *wire_tls_client(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    set_modes(tls);
    return tls;
}
