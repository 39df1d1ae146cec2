/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parking: a connection that the MPM waits for while an engine writes to its
 * socket, and the filter that does the writing.
 */
#ifndef CHAT_PARK_INT_H
#define CHAT_PARK_INT_H

#include <util_filter.h>

#include "chat_stream_int.h"

/* One connection, from its start; the network filter's context. */
typedef struct chat_conn_t {
    chat_stream_t *stream;  /* parked here, or NULL */
    unsigned inner : 1;     /* inside our process_connection wrapper */
    unsigned streaming : 1; /* the engine writes, core must not */
    unsigned tuned : 1;     /* socket options are set */
    unsigned awaited : 1;   /* a graceful stop waits for it */
    ap_filter_t *net;       /* our filter on it */
} chat_conn_t;

/* ---- parking (chat_park.c) ---- */

/* [request thread] Park the connection of s. 1: *prv and err are the result of
 * chat_stream_start(), for the stream was parked, refused, or failed to be
 * parked. 0: it cannot be parked here, drive it from the request thread. */
int chat_park_try(int *phandler, apr_status_t *prv, chat_stream_t *s,
                  chat_err_t *err);
void chat_park_register_hooks(void);
/* Start the engines where the MPM can park. */
void chat_park_child_init(apr_pool_t *pchild, server_rec *s);
/* 0 when the MPM can park and no engine runs. */
int chat_park_ready(void);

/* ---- the output filters of others (chat_park_filters.c) ---- */

/* [request thread] 1: an engine may write through the output filters of r;
 * those that act once, before an answer begins, have done so. 0: *pwhy is the
 * name of one that may block or hold events back; that is counted, and told
 * once for each location in this child. */
int chat_park_filters_allow(request_rec *r, const char **pwhy);
/* [the owner] 1: what is left of them does nothing to the bytes of a body but
 * to chunk them, and to encrypt them in *ptls, if that is not NULL. After the
 * head of the answer was sent. */
int chat_park_filters_pass(const request_rec *r, ap_filter_t **ptls);

/* ---- the filter (chat_netfilter.c) ---- */

/* Bytes that there have to be before a piece, and behind it, to frame it as a
 * chunk where it is. */
#define CHAT_FRAME_BEFORE 16
#define CHAT_FRAME_BEHIND 2

/* What a callback writes, until it is over: data, and then the piece. */
typedef struct chat_cork_t {
    char *data; /* malloc'ed */
    apr_size_t len;
    char *piece; /* in room, a chunk but for its frame; NULL: there is none */
    apr_size_t piece_len;
    /* C  what a source has read, and need not keep once it was delivered. */
    char *room;
    apr_size_t room_len;
} chat_cork_t;

void chat_netfilter_register(void);
void chat_netfilter_add(conn_rec *c, chat_conn_t *cc);
/* The cork of a driver that streams to sockets. */
apr_status_t chat_netfilter_open(chat_cork_t *cork);
void chat_netfilter_close(chat_cork_t *cork);
/* [D] chat_driver_ops_t.send */
apr_status_t chat_netfilter_send(chat_stream_t *s, int hold);
/* [D] chat_driver_ops_t.frame */
apr_status_t chat_netfilter_frame(chat_stream_t *s, const char *data,
                                  apr_size_t len);
/* [D] Send what is pending. Result as above. */
apr_status_t chat_netfilter_drain(chat_stream_t *s);
/* [the owner] What is pending is sent to nobody. */
void chat_netfilter_discard(chat_stream_t *s);
/* [the owner] mod_logio counts what was sent. Once, before the request is
 * logged: what it counts in is in nobody's cache when an event comes. */
void chat_netfilter_count(chat_stream_t *s);
/* [worker] What was held goes to core. */
void chat_netfilter_rest(chat_conn_t *cc, chat_stream_t *s);

#endif
