/* Tests of server/node/access.c with a real node: who may call what, by their certificates. */
#include <stdio.h>

#include "secure.h"
#include "tamga/v1/content_service.pb-c.h"

static enum tamga_err put(struct tamga_channel *channel)
{
    Tamga__V1__PutContentRequest request = TAMGA__V1__PUT_CONTENT_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = channel};

    request.cid = (char *)(uintptr_t)"no cid";
    tamga__v1__content_service__put(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__PutContentResponse_Closure)tamga_reply_take, &reply);
    return reply.err;
}

/*
 * Goal:   a gateway's certificate at a producer's methods is refused, and nothing changes,
 *         though the transaction in the call is an OEM's and good; what reads is answered.
 * Method: a node of real processes; a gateway submits a release that acme has signed, puts,
 *         asks for the status; the tip stays; then acme submits the same release.
 */
int main(void)
{
    static struct secure secure;
    struct cluster_release release = {.counter = 1, .seed = 1, .skip_content = true};
    struct tamga_entry_id id;
    struct tamga_block_id tip;
    uint64_t height = 9;

    secure_open(&secure, 365);
    CHECK(cluster_publish(&secure.cluster, "node-a", &release, &id) == TAMGA_E_ROLE_DENIED);
    CHECK(put(secure.node->channel) == TAMGA_E_ROLE_DENIED);
    CHECK(!cluster_known(&secure.cluster, "node-a", &secure.cluster.consortium, &id));
    CHECK(cluster_status(&secure.cluster, "node-a", &secure.cluster.consortium, &height, &tip));
    CHECK(height == 0);
    secure_call_as(&secure, "acme");
    CHECK(put(secure.node->channel) == TAMGA_E_BAD_CID);
    release.skip_content = false;
    CHECK(cluster_publish(&secure.cluster, "node-a", &release, &id) == TAMGA_OK);
    CHECK(cluster_known(&secure.cluster, "node-a", &secure.cluster.consortium, &id));
    secure_close(&secure);
    printf("a gateway submits nothing\n");
    return 0;
}
