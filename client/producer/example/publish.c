/*
 * The smallest producer: publishes an image and prints what became of it.
 *
 *   publish tcp://127.0.0.1:7101 network/members/acme firmware.bin acme/cam 1.4.2
 */
#include <stdio.h>

#ifdef TAMGA_IN_TREE
#include "link/client.h"
#else
#include <tamga/client.h>
#endif

static int failed(const char *what, enum tamga_err err, const struct tamga_detail *detail)
{
    fprintf(stderr, "%s: error 0x%04x: %s\n", what, (unsigned)err, detail->text);
    return 1;
}

int main(int argc, char **argv)
{
    struct tamga_publish_result result;
    struct tamga_detail detail = {""};
    struct tamga_client *client = NULL;
    enum tamga_err err;

    if (argc != 6) {
        fprintf(stderr, "usage: %s NODE IDENTITY IMAGE PRODUCER/MODEL VERSION\n", argv[0]);
        return 2;
    }
    struct tamga_client_options options = {
        .nodes = (const char *const[]){argv[1]}, .node_count = 1, .identity = argv[2]};
    struct tamga_publish_options publish = {
        .image = argv[3], .model = argv[4], .version = argv[5], .wait = TAMGA_WAIT_FINAL};

    err = tamga_client_open(&client, &options, &detail);
    if (err != TAMGA_OK)
        return failed("open", err, &detail);
    err = tamga_client_publish(client, &publish, &result, &detail);
    tamga_client_close(client);
    if (err != TAMGA_OK)
        return failed("publish", err, &detail);
    printf("%s is in block %llu, and final\n", result.cid, (unsigned long long)result.height);
    return 0;
}
