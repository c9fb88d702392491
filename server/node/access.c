/* A gateway reads the consortium's chain and writes nothing there; a device speaks to gateways. */
#include "node/access.h"

#define WRITERS (TAMGA_TLS_OEM | TAMGA_TLS_PROVIDER | TAMGA_TLS_CONSORTIUM)

/* What is not here is for every member, and for no device. */
static const struct {
    const char *path;
    uint32_t callers;
} restricted[] = {
    {"/tamga.v1.ConsortiumService/SubmitTransaction", WRITERS},
    {"/tamga.v1.ContentService/Put", WRITERS},
    {"/tamga.v1.DeviceService/", TAMGA_RPC_MEMBERS | TAMGA_TLS_DEVICE},
};

void tamga_access_standing(void *context, struct tamga_tls_identity *member)
{
    uint32_t roles;

    if ((member->roles & (TAMGA_TLS_DEVICE | TAMGA_TLS_AUDITOR)) != 0 ||
        !tamga_network_standing(context, member->name, &roles))
        return;
    member->roles &= roles;
    if (member->roles == 0)
        member->roles = TAMGA_TLS_AUDITOR;
}

enum tamga_err tamga_access_add(struct tamga_rpc_server *server,
                                ProtobufCService *const *service, size_t count)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; i < count && err == TAMGA_OK; i++)
        err = tamga_rpc_server_add(server, service[i]);
    for (size_t i = 0; i < sizeof restricted / sizeof restricted[0] && err == TAMGA_OK; i++) {
        err = tamga_rpc_server_restrict(server, restricted[i].path, restricted[i].callers);
        if (err == TAMGA_E_NO_METHOD) /* of the other kind of node */
            err = TAMGA_OK;
    }
    return err;
}
