/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leases in the table of chat_limit_local.c: each is in the chain of its
 * counter, or in the list of free ones. All with the lock.
 */
#include "chat_limit_local_int.h"

#include <stdlib.h>
#include <unistd.h>

static void chain(chat_limit_local_cell_t *cell, int which)
{
    chat_limit_local_lease_t *lease = chat_limit_local_lease(which);

    lease->prev = -1;
    lease->next = cell->leases;
    if (cell->leases >= 0)
        chat_limit_local_lease(cell->leases)->prev = which;
    if (cell->leases < 0 || lease->expires < cell->sweep_at)
        cell->sweep_at = lease->expires;
    cell->leases = which;
}

static void unchain(chat_limit_local_cell_t *cell, int which)
{
    const chat_limit_local_lease_t *lease = chat_limit_local_lease(which);

    if (lease->prev >= 0)
        chat_limit_local_lease(lease->prev)->next = lease->next;
    else
        cell->leases = lease->next;
    if (lease->next >= 0)
        chat_limit_local_lease(lease->next)->prev = lease->prev;
}

static void free_lease(int which)
{
    chat_limit_local_lease(which)->pid = 0;
    chat_limit_local_lease(which)->next = chat_limit_local_table->free_lease;
    chat_limit_local_table->free_lease = which;
    chat_limit_local_table->nfree++;
}

void chat_limit_local_lease_repair(void)
{
    int i;

    for (i = 0; i < chat_limit_local_table->nsets * WAYS; i++)
        chat_limit_local_cells()[i].leases = -1;
    chat_limit_local_table->free_lease = -1;
    chat_limit_local_table->nfree = 0;
    for (i = chat_limit_local_table->nleases - 1; i >= 0; i--) {
        if (chat_limit_local_lease(i)->pid)
            chain(&chat_limit_local_cells()[chat_limit_local_lease(i)->cell],
                  i);
        else
            free_lease(i);
    }
}

void chat_limit_local_lock(void)
{
    if (chat_shared_lock(&chat_limit_local_table->lock))
        chat_limit_local_lease_repair();
}

void chat_limit_local_unlock(void)
{
    chat_shared_unlock(&chat_limit_local_table->lock);
}

void chat_limit_local_lease_release(chat_limit_local_cell_t *cell, int which)
{
    cell->used -= chat_limit_local_lease(which)->amount;
    unchain(cell, which);
    free_lease(which);
}

/* The chain is read only when a lease in it may have expired. */
void chat_limit_local_lease_sweep(chat_limit_local_cell_t *cell,
                                  apr_int64_t now)
{
    int which, next;

    if (cell->leases < 0 || now < cell->sweep_at)
        return;
    cell->sweep_at = NO_END;
    for (which = cell->leases; which >= 0; which = next) {
        const chat_limit_local_lease_t *lease = chat_limit_local_lease(which);

        next = lease->next;
        if (lease->expires <= now)
            chat_limit_local_lease_release(cell, which);
        else if (lease->expires < cell->sweep_at)
            cell->sweep_at = lease->expires;
    }
}

/* Of a longer chain only the first end is looked for. */
#define SORT_MAX 64

static int by_end(const void *a, const void *b)
{
    const chat_limit_local_lease_t *x = chat_limit_local_lease(*(const int *)a);
    const chat_limit_local_lease_t *y = chat_limit_local_lease(*(const int *)b);

    return x->expires < y->expires ? -1 : x->expires > y->expires;
}

apr_int64_t chat_limit_local_lease_frees(const chat_limit_local_cell_t *cell,
                                         apr_int64_t amount, apr_int64_t end)
{
    int all[SORT_MAX], n = 0, i, which = cell->leases;

    for (; which >= 0 && n < SORT_MAX;
         which = chat_limit_local_lease(which)->next)
        all[n++] = which;
    if (which >= 0) /* none of the chain expires before sweep_at */
        return cell->window_end == NO_END && cell->sweep_at < end
                   ? cell->sweep_at
                   : end;
    qsort(all, n, sizeof(*all), by_end);
    for (i = 0; i < n && amount > 0; i++) {
        amount -= chat_limit_local_lease(all[i])->amount;
        if (amount <= 0 && chat_limit_local_lease(all[i])->expires < end)
            end = chat_limit_local_lease(all[i])->expires;
    }
    return end;
}

int chat_limit_local_lease_add(chat_limit_local_cell_t *cell, apr_uint64_t name,
                               apr_int64_t amount, apr_int64_t expires)
{
    int which = chat_limit_local_table->free_lease;
    chat_limit_local_lease_t *lease = chat_limit_local_lease(which);

    chat_limit_local_table->free_lease = lease->next;
    chat_limit_local_table->nfree--;
    lease->name = name;
    lease->amount = amount;
    lease->expires = expires;
    lease->cell = cell - chat_limit_local_cells();
    lease->pid = getpid();
    chain(cell, which);
    return which;
}

void chat_limit_local_lease_forget(chat_limit_local_cell_t *cell)
{
    while (cell->leases >= 0) {
        int which = cell->leases;

        unchain(cell, which);
        free_lease(which);
    }
}

void chat_limit_local_lease_free_dead(pid_t pid)
{
    int i;

    for (i = 0; i < chat_limit_local_table->nleases; i++) {
        const chat_limit_local_lease_t *lease = chat_limit_local_lease(i);

        if (lease->pid == pid)
            chat_limit_local_lease_release(
                &chat_limit_local_cells()[lease->cell], i);
    }
}
