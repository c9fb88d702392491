/* A ring of pointers under one lock. Never looks at what it carries. */
#include "net/mailbox.h"

#include <stdlib.h>

#include "net/clock.h"

struct tamga_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    bool closed;
    size_t first, count, count_max;
    void *letter[];
};

enum tamga_err tamga_mailbox_new(struct tamga_mailbox **out, size_t count_max)
{
    struct tamga_mailbox *mailbox;

    if (count_max == 0 || count_max > SIZE_MAX / sizeof(void *) - sizeof *mailbox)
        return TAMGA_E_USAGE;
    mailbox = calloc(1, sizeof *mailbox + count_max * sizeof(void *));
    if (!mailbox)
        return TAMGA_E_NO_MEMORY;
    if (tamga_net_cond_init(&mailbox->arrived) != 0) {
        free(mailbox);
        return TAMGA_E_SYSTEM;
    }
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->count_max = count_max;
    *out = mailbox;
    return TAMGA_OK;
}

enum tamga_err tamga_mailbox_put(struct tamga_mailbox *mailbox, void *letter)
{
    enum tamga_err err = TAMGA_OK;

    pthread_mutex_lock(&mailbox->lock);
    if (mailbox->closed)
        err = TAMGA_E_STOPPING;
    else if (mailbox->count == mailbox->count_max)
        err = TAMGA_E_BUSY;
    else
        mailbox->letter[(mailbox->first + mailbox->count++) % mailbox->count_max] = letter;
    pthread_mutex_unlock(&mailbox->lock);
    if (!err) /* who wakes up finds the lock free */
        pthread_cond_signal(&mailbox->arrived);
    return err;
}

size_t tamga_mailbox_take(struct tamga_mailbox *mailbox, void **letter, size_t max,
                          uint32_t timeout_ms)
{
    uint64_t expires_ms = tamga_net_now_ms() + timeout_ms;
    size_t taken = 0;

    pthread_mutex_lock(&mailbox->lock);
    while (mailbox->count == 0 && !mailbox->closed && timeout_ms > 0)
        if (tamga_net_cond_wait(&mailbox->arrived, &mailbox->lock, expires_ms) != 0)
            break;
    for (; taken < max && mailbox->count > 0; taken++, mailbox->count--) {
        letter[taken] = mailbox->letter[mailbox->first];
        mailbox->first = (mailbox->first + 1) % mailbox->count_max;
    }
    pthread_mutex_unlock(&mailbox->lock);
    return taken;
}

void tamga_mailbox_close(struct tamga_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->closed = true;
    pthread_cond_broadcast(&mailbox->arrived);
    pthread_mutex_unlock(&mailbox->lock);
}

void tamga_mailbox_free(struct tamga_mailbox *mailbox)
{
    if (!mailbox)
        return;
    pthread_cond_destroy(&mailbox->arrived);
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}
