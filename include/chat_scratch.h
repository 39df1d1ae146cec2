/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for what does not live as long as its request. A connection keeps for
 * itself what was freed of its memory, and it may stay open for long: thousands
 * of streams would each keep the memory of a prompt that is no longer needed.
 * So that memory is shared by all requests of a process, and by its threads.
 */
#ifndef CHAT_SCRATCH_H
#define CHAT_SCRATCH_H

#include <apr_pools.h>

/*
 * [child_init] Where there is no memory these pools do what pchild does: httpd
 * says so and ends the process. An engine's thread could not end the request
 * alone: APR gives pools nothing else to do, and uses what they give unlooked
 * at. What is large, and grows with what others send, is therefore not in pools
 * but in chat_buf.h, in chat_json.h and with curl, which can fail.
 */
void chat_scratch_init(apr_pool_t *pchild);

/* The parent of short-lived subpools, which any thread may make and destroy.
 * Never allocated from directly. */
apr_pool_t *chat_scratch(void);

/* A pool that is destroyed with parent, or sooner, and whose memory goes back
 * to the scratch. */
apr_pool_t *chat_scratch_pool(apr_pool_t *parent);

/* Give back what was freed of p's memory and is kept for p, up to so many bytes
 * from now on. The owner of p, whose memory is no other thread's. */
void chat_scratch_trim(apr_pool_t *p, apr_size_t keeps);

#endif
