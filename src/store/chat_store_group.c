/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_group.h. Above: chat_store_tx.c. */
#include "chat_store_group.h"

#include <errno.h>

/* So many that came last tell how often they come: threads that were led
 * together come together again, after a pause. */
#define LAST 8

struct chat_store_group_t {
    pthread_mutex_t lock;
    chat_store_member_t *first, **end; /* those that wait */
    int led;                           /* somebody leads, or has been told to */
    apr_time_t came[LAST];             /* when the last ones did; a ring */
    int oldest;                        /* of them */
    int often; /* they come more often than each moment */
};

static apr_status_t destroy(void *data)
{
    chat_store_group_t *group = data;

    pthread_mutex_destroy(&group->lock);
    return APR_SUCCESS;
}

chat_store_group_t *chat_store_group_create(apr_pool_t *p)
{
    chat_store_group_t *group = apr_pcalloc(p, sizeof(*group));

    if (pthread_mutex_init(&group->lock, NULL))
        return NULL;
    group->end = &group->first;
    apr_pool_cleanup_register(p, group, destroy, apr_pool_cleanup_null);
    return group;
}

/* ---- under the lock ---- */

static void note_coming(chat_store_group_t *group)
{
    apr_time_t now = apr_time_now();
    apr_time_t *oldest = &group->came[group->oldest];

    group->often = now - *oldest < LAST * (apr_time_t)CHAT_STORE_GROUP_MOMENT;
    *oldest = now;
    group->oldest = (group->oldest + 1) % LAST;
}

static void append(chat_store_group_t *group, chat_store_member_t *member)
{
    member->next = NULL;
    *group->end = member;
    group->end = &member->next;
}

static chat_store_member_t *take(chat_store_group_t *group)
{
    chat_store_member_t *first = group->first, *last = first;
    int n;

    for (n = 1; last->next && n < CHAT_STORE_GROUP_MAX; n++)
        last = last->next;
    group->first = last->next;
    if (!group->first)
        group->end = &group->first;
    last->next = NULL;
    return first;
}

/* ---- the group ---- */

/* Without the lock, which whoever wakes up wants next. Who is told that it is
 * done may be gone at once. */
static void tell(chat_store_member_t *member, int leads)
{
    member->leads = leads;
    sem_post(&member->told);
}

static void wait_for_word(chat_store_member_t *member)
{
    while (sem_wait(&member->told) != 0 && errno == EINTR)
        continue;
}

/* The members of a group, of whom the caller is one. */
static chat_store_member_t *gather(chat_store_group_t *group)
{
    chat_store_member_t *led;

    pthread_mutex_lock(&group->lock);
    if (group->often) {
        pthread_mutex_unlock(&group->lock);
        apr_sleep(CHAT_STORE_GROUP_MOMENT);
        pthread_mutex_lock(&group->lock);
    }
    led = take(group);
    pthread_mutex_unlock(&group->lock);
    return led;
}

chat_store_member_t *chat_store_group_join(chat_store_group_t *group,
                                           chat_store_member_t *member)
{
    int waits;

    sem_init(&member->told, 0, 0);
    pthread_mutex_lock(&group->lock);
    note_coming(group);
    append(group, member);
    waits = group->led;
    member->leads = !waits;
    group->led = 1;
    pthread_mutex_unlock(&group->lock);
    if (waits)
        wait_for_word(member);
    if (member->leads)
        return gather(group);
    sem_destroy(&member->told);
    return NULL;
}

void chat_store_group_leave(chat_store_group_t *group, chat_store_member_t *led)
{
    chat_store_member_t *own = led, *leader, *next;

    pthread_mutex_lock(&group->lock);
    leader = group->first;
    group->led = leader != NULL;
    pthread_mutex_unlock(&group->lock);
    if (leader)
        tell(leader, 1);
    for (led = own->next; led; led = next) {
        next = led->next;
        tell(led, 0);
    }
    sem_destroy(&own->told);
}
