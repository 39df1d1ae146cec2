/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What requests have to give back, in the table of chat_limit_local.c: each
 * lease is in the chain of its counter, or in the list of free ones.
 */
#include "chat_limit_local_int.h"

#include <stdlib.h>
#include <unistd.h>

static void chain(cell_t *cell, int which)
{
    lease_t *lease = chat_limit_lease(which);

    lease->prev = -1;
    lease->next = cell->leases;
    if (cell->leases >= 0)
        chat_limit_lease(cell->leases)->prev = which;
    if (cell->leases < 0 || lease->expires < cell->sweep_at)
        cell->sweep_at = lease->expires;
    cell->leases = which;
}

static void unchain(cell_t *cell, int which)
{
    const lease_t *lease = chat_limit_lease(which);

    if (lease->prev >= 0)
        chat_limit_lease(lease->prev)->next = lease->next;
    else
        cell->leases = lease->next;
    if (lease->next >= 0)
        chat_limit_lease(lease->next)->prev = lease->prev;
}

static void free_lease(int which)
{
    chat_limit_lease(which)->pid = 0;
    chat_limit_lease(which)->next = chat_limit_table->free_lease;
    chat_limit_table->free_lease = which;
    chat_limit_table->nfree++;
}

/* A child that was killed in here may have left the chains in pieces: they are
 * made anew of what each lease says. At worst one counter is off by one
 * request. */
void chat_limit_lease_mend(void)
{
    int i;

    for (i = 0; i < chat_limit_table->nsets * WAYS; i++)
        chat_limit_cells()[i].leases = -1;
    chat_limit_table->free_lease = -1;
    chat_limit_table->nfree = 0;
    for (i = chat_limit_table->nleases - 1; i >= 0; i--) {
        if (chat_limit_lease(i)->pid)
            chain(&chat_limit_cells()[chat_limit_lease(i)->cell], i);
        else
            free_lease(i);
    }
}

void chat_limit_local_enter(void)
{
    if (chat_shared_lock(&chat_limit_table->lock))
        chat_limit_lease_mend();
}

void chat_limit_local_leave(void)
{
    chat_shared_unlock(&chat_limit_table->lock);
}

void chat_limit_lease_give_back(cell_t *cell, int which)
{
    cell->used -= chat_limit_lease(which)->amount;
    unchain(cell, which);
    free_lease(which);
}

/* Walks the chain only when some lease in it may have expired. */
void chat_limit_lease_sweep(cell_t *cell, apr_int64_t now)
{
    int which, next;

    if (cell->leases < 0 || now < cell->sweep_at)
        return;
    cell->sweep_at = NO_END;
    for (which = cell->leases; which >= 0; which = next) {
        const lease_t *lease = chat_limit_lease(which);

        next = lease->next;
        if (lease->expires <= now)
            chat_limit_lease_give_back(cell, which);
        else if (lease->expires < cell->sweep_at)
            cell->sweep_at = lease->expires;
    }
}

/* Of more leases than these, only the first is of interest. */
#define LOOK_MAX 64

static int by_end(const void *a, const void *b)
{
    const lease_t *x = chat_limit_lease(*(const int *)a);
    const lease_t *y = chat_limit_lease(*(const int *)b);

    return x->expires < y->expires ? -1 : x->expires > y->expires;
}

apr_int64_t chat_limit_lease_frees(const cell_t *cell, apr_int64_t amount,
                                   apr_int64_t end)
{
    int all[LOOK_MAX], n = 0, i, which = cell->leases;

    for (; which >= 0 && n < LOOK_MAX; which = chat_limit_lease(which)->next)
        all[n++] = which;
    if (which >= 0) /* none of them expires sooner */
        return cell->window_end == NO_END && cell->sweep_at < end
                   ? cell->sweep_at
                   : end;
    qsort(all, n, sizeof(*all), by_end);
    for (i = 0; i < n && amount > 0; i++) {
        amount -= chat_limit_lease(all[i])->amount;
        if (amount <= 0 && chat_limit_lease(all[i])->expires < end)
            end = chat_limit_lease(all[i])->expires;
    }
    return end;
}

int chat_limit_lease_add(cell_t *cell, apr_uint64_t name, apr_int64_t amount,
                         apr_int64_t expires)
{
    int which = chat_limit_table->free_lease;
    lease_t *lease = chat_limit_lease(which);

    chat_limit_table->free_lease = lease->next;
    chat_limit_table->nfree--;
    lease->name = name;
    lease->amount = amount;
    lease->expires = expires;
    lease->cell = cell - chat_limit_cells();
    lease->pid = getpid();
    chain(cell, which);
    return which;
}

void chat_limit_lease_forget(cell_t *cell)
{
    while (cell->leases >= 0) {
        int which = cell->leases;

        unchain(cell, which);
        free_lease(which);
    }
}

void chat_limit_lease_bury(pid_t pid)
{
    int i;

    for (i = 0; i < chat_limit_table->nleases; i++) {
        const lease_t *lease = chat_limit_lease(i);

        if (lease->pid == pid)
            chat_limit_lease_give_back(&chat_limit_cells()[lease->cell], i);
    }
}
