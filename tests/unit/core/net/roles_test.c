/* Tests of core/net/dispatch.c: who may call what. */
#include <criterion/criterion.h>

#include "town.h"

#define PUT "/tamga.v1.ContentService/Put"
#define ALL "/tamga.v1.ContentService/"

/* A server that is restricted, and a channel to it for each of three members. */
struct roles {
    struct town town;
    struct tamga_tls *tls[2]; /* "gw-1", a gateway; "both", a gateway and an OEM */
    struct tamga_net_link link[2];
    struct tamga_channel *gateway, *both, *oem;
};

static void (*standing)(void *context, struct tamga_tls_identity *member); /* of servers to come */

static void roles_open(struct roles *roles, const char *path, uint32_t callers)
{
    struct town *town = &roles->town;
    struct tamga_rpc_server_options options = fixture_options();

    town_open(town);
    fixture_close(&town->fixture);
    options.listen = "tls+tcp://127.0.0.1:0";
    options.link = &town->server_link;
    options.standing = standing;
    fixture_open_for(&town->fixture, &options, &town->client_link, path, callers);
    town->addr = tamga_rpc_server_addr(town->fixture.server);
    authority_member(&town->authority, "gw-1", TAMGA_TLS_GATEWAY, -60, AUTHORITY_DAY_S);
    authority_member(&town->authority, "both", TAMGA_TLS_GATEWAY | TAMGA_TLS_OEM, -60,
                     AUTHORITY_DAY_S);
    for (size_t i = 0; i < 2; i++) {
        roles->tls[i] = authority_tls(&town->authority, i == 0 ? "gw-1" : "both");
        roles->link[i] = (struct tamga_net_link){.tls = roles->tls[i]};
        cr_assert_eq(tamga_channel_open_link(i == 0 ? &roles->gateway : &roles->both, town->addr,
                                             &roles->link[i], NULL), TAMGA_OK);
    }
    roles->oem = town->fixture.channel;
}

static void roles_close(struct roles *roles)
{
    tamga_channel_close(roles->gateway);
    tamga_channel_close(roles->both);
    town_close(&roles->town);
    for (size_t i = 0; i < 2; i++)
        tamga_tls_close(roles->tls[i]);
}

/*
 * Goal:   a member calls a method only if one of its roles may, and is told which may; the
 *         handler of what is refused never runs, and other methods are not touched by it.
 * Method: Put for producers only: a gateway puts, gets; an OEM and who is both put.
 */
Test(roles, may_call_what_is_theirs, .timeout = 60)
{
    struct roles roles = {0};
    struct tamga_detail detail = {""};

    roles_open(&roles, PUT, TAMGA_TLS_OEM | TAMGA_TLS_PROVIDER);
    cr_assert_eq(fixture_put(roles.gateway, 1, &detail), TAMGA_E_ROLE_DENIED, "%s", detail.text);
    cr_assert_str_eq(detail.text, "gw-1 is gateway; callers are oem,provider");
    cr_assert_eq(atomic_load(&roles.town.fixture.runs), 0);
    cr_assert_eq(fixture_get(roles.gateway, "x", 5000, NULL, NULL), TAMGA_OK);
    cr_assert_eq(fixture_put(roles.oem, 1, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_eq(fixture_put(roles.both, 1, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_eq(atomic_load(&roles.town.fixture.runs), 3);
    roles_close(&roles);
}

/*
 * Goal:   a whole service may be for others than members; health is for everybody.
 * Method: all of the content service for devices; members of all kinds ask.
 */
Test(roles, restrict_a_whole_service, .timeout = 60)
{
    struct roles roles = {0};
    struct tamga_detail detail = {""};
    Tamga__V1__HealthCheckRequest request = TAMGA__V1__HEALTH_CHECK_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.deadline_ms = 5000};

    roles_open(&roles, ALL, TAMGA_TLS_DEVICE);
    cr_assert_eq(fixture_put(roles.both, 1, &detail), TAMGA_E_ROLE_DENIED);
    cr_assert_str_eq(detail.text, "both is gateway,oem; callers are device");
    cr_assert_eq(fixture_get(roles.oem, "x", 5000, NULL, NULL), TAMGA_E_ROLE_DENIED);
    cr_assert_eq(atomic_load(&roles.town.fixture.runs), 0);
    reply.channel = roles.gateway;
    tamga__v1__health_service__check(
        tamga_reply_service(&reply, &tamga__v1__health_service__descriptor), &request,
        (Tamga__V1__HealthCheckResponse_Closure)tamga_reply_take, &reply);
    cr_assert_eq(reply.err, TAMGA_OK);
    roles_close(&roles);
}

/* What somebody else has to say: gw-1 is nothing any more, both is no OEM. */
static void take_away(void *context, struct tamga_tls_identity *member)
{
    (void)context;
    member->roles &= (uint32_t)(strcmp(member->name, "gw-1") == 0 ? 0 : TAMGA_TLS_GATEWAY);
}

/*
 * Goal:   roles of a certificate that were taken away do not count, from the next call on.
 * Method: Put for OEMs, asked for by one who has a certificate of an OEM and is none any more,
 *         and Get by who has no role left.
 */
Test(roles, are_asked_for_at_each_call, .timeout = 60)
{
    struct roles roles = {0};
    struct tamga_detail detail = {""};

    roles_open(&roles, PUT, TAMGA_TLS_OEM);
    cr_assert_eq(fixture_put(roles.both, 1, &detail), TAMGA_OK, "%s", detail.text);
    roles_close(&roles);
    roles = (struct roles){0};
    standing = take_away;
    roles_open(&roles, PUT, TAMGA_TLS_OEM);
    cr_assert_eq(fixture_put(roles.both, 1, &detail), TAMGA_E_ROLE_DENIED);
    cr_assert_str_eq(detail.text, "both is gateway; callers are oem");
    cr_assert_eq(fixture_get(roles.both, "x", 5000, NULL, NULL), TAMGA_OK);
    cr_assert_eq(fixture_get(roles.gateway, "x", 5000, NULL, NULL), TAMGA_E_ROLE_DENIED);
    roles_close(&roles);
    standing = NULL;
}

/*
 * Goal:   over plain tcp nobody is known, and nobody is refused for a role.
 * Method: the same restriction without a gate.
 */
Test(roles, are_unknown_over_plain_tcp, .timeout = 60)
{
    struct fixture fixture;
    struct tamga_rpc_server_options options = fixture_options();

    fixture_open_for(&fixture, &options, NULL, ALL, TAMGA_TLS_DEVICE);
    cr_assert_eq(fixture_put(fixture.channel, 1, NULL), TAMGA_OK);
    fixture_close(&fixture);
}

/*
 * Goal:   what is not served cannot be restricted by mistake.
 * Method: paths of no service, no method, no path.
 */
Test(roles, restrict_only_what_is_served)
{
    static const char *const bad[] = {"", "/", "ContentService/Put", "/tamga.v1.ContentService",
                                      "/tamga.v1.ContentService/put", "/tamga.v1.Content/Put",
                                      "/tamga.v1.ContentService/Put/"};
    struct tamga_rpc_server_options options = fixture_options();
    struct tamga_rpc_server *server = NULL;
    Tamga__V1__ContentService_Service content = {
        .base = {.descriptor = &tamga__v1__content_service__descriptor}};

    cr_assert_eq(tamga_rpc_server_open(&server, &options, NULL), TAMGA_OK);
    cr_assert_eq(tamga_rpc_server_restrict(server, PUT, 1), TAMGA_E_NO_METHOD);
    cr_assert_eq(tamga_rpc_server_add(server, &content.base), TAMGA_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(tamga_rpc_server_restrict(server, bad[i], 1), TAMGA_E_NO_METHOD, "%s",
                     bad[i]);
    cr_assert_eq(tamga_rpc_server_restrict(server, PUT, 1), TAMGA_OK);
    tamga_rpc_server_close(server);
}
