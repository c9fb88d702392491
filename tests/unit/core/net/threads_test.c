/*
 * Goal:   server, channel and mailbox are free of data races (run it under the tsan
 *         preset; Criterion cannot).
 * Method: six threads call on two channels; a seventh completes what they leave open;
 *         a mailbox carries a token per call; then everything is closed under load.
 *         Called with "tls", the same through gates, while certificates are read again.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "net/link.h"
#include "process.h"

#define CALLERS 6
#define CALLS   100

static struct fixture fixture;
static struct tamga_mailbox *tokens;

static void *call_many(void *channel)
{
    for (int i = 0; i < CALLS; i++) {
        const char *cid = i % 3 == 0 ? "hold" : "direct";

        process_need(fixture_get(channel, cid, 10000, NULL, NULL) == TAMGA_OK, "call");
        process_need(tamga_mailbox_put(tokens, channel) == TAMGA_OK, "token");
    }
    return NULL;
}

static void *complete_held(void *context)
{
    struct fixture_call *held;

    (void)context;
    for (int i = 0; i < CALLERS * ((CALLS + 2) / 3); i++) {
        process_need((held = fixture_held(&fixture)) != NULL, "held call");
        fixture_complete(held, "later");
    }
    return NULL;
}

static void *call_until_closed(void *channel)
{
    while (fixture_get(channel, "load", 10000, NULL, NULL) == TAMGA_OK)
        ;
    return NULL;
}

static void read_again(struct tamga_tls *tls)
{
    if (tls)
        process_need(tamga_tls_reload(tls, NULL) == TAMGA_OK, "reload");
}

int main(int argc, char **argv)
{
    const char *listen = process_link(argc, argv);
    const struct tamga_net_link *link = process_link_open();
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_channel *other = NULL;
    pthread_t caller[CALLERS], completer, load;
    void *token[64];
    size_t count = 0, got;

    options.listen = listen;
    options.link = link;
    fixture_open_link(&fixture, &options, link);
    process_need(tamga_mailbox_new(&tokens, CALLERS * CALLS) == TAMGA_OK, "mailbox");
    process_need(tamga_channel_open_link(&other, tamga_rpc_server_addr(fixture.server), link,
                                         NULL) == TAMGA_OK, "channel");
    pthread_create(&completer, NULL, complete_held, NULL);
    for (int i = 0; i < CALLERS; i++)
        pthread_create(&caller[i], NULL, call_many, i % 2 ? other : fixture.channel);
    while (count < CALLERS * CALLS && (got = tamga_mailbox_take(tokens, token, 64, 20000)) > 0) {
        count += got;
        read_again(link->tls);
    }
    process_need(count == CALLERS * CALLS, "tokens are missing");
    for (int i = 0; i < CALLERS; i++)
        pthread_join(caller[i], NULL);
    pthread_join(completer, NULL);
    pthread_create(&load, NULL, call_until_closed, other);
    fixture_close(&fixture);
    pthread_join(load, NULL);
    tamga_channel_close(other);
    tamga_mailbox_free(tokens);
    tamga_tls_close(link->tls);
    process_unlink();
    printf("%zu calls\n", count);
    return 0;
}
