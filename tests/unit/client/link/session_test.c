/* client/link/session.c: the choice between nodes, and who is not talked to. */
#include <criterion/criterion.h>

#include "fake_node.h"
#include "link/session.h"
#include "tamga/v1/consortium_service.pb-c.h"
#include "tamga/v1/gateway_service.pb-c.h"

#define DEAD "tcp://127.0.0.1:1" /* nobody listens there */

static struct tamga_session *session_to(const char *const *addr, size_t count,
                                        uint32_t timeout_ms)
{
    struct tamga_session *session = NULL;

    cr_assert_eq(tamga_session_open(&session, test_consortium(), NULL, addr, count, timeout_ms,
                                    NULL),
                 TAMGA_OK);
    return session;
}

static enum tamga_err latest(struct tamga_session *session, struct tamga_detail *detail)
{
    Tamga__V1__GetLatestReleaseRequest request = TAMGA__V1__GET_LATEST_RELEASE_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    char producer[] = "acme", model[] = "cam";

    request.producer = producer;
    request.model = model;
    return tamga_session_call(session, &answer, &tamga__v1__consortium_service__descriptor,
                              "GetLatestRelease", &request.base, detail);
}

/*
 * Goal:   a dead node costs its probe, not the call.
 * Method: a dead address first, a live node second.
 */
Test(session, fails_over_to_the_next_node)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_session *session =
        session_to((const char *[]){DEAD, fake_addr(node)}, 2, 20000);
    uint64_t began_ms;

    cr_assert_eq(latest(session, NULL), TAMGA_OK);
    began_ms = tamga_session_now_ms();
    cr_assert_eq(latest(session, NULL), TAMGA_OK); /* the one that answered is kept */
    cr_assert_lt(tamga_session_now_ms() - began_ms, 1500);
    tamga_session_close(session);
    fake_stop(node);
}

/*
 * Goal:   no node within the time is UNREACHABLE, and the time is kept.
 * Method: two dead addresses, one second.
 */
Test(session, gives_up_when_the_time_is_over)
{
    struct tamga_session *session = session_to((const char *[]){DEAD, DEAD}, 2, 1000);
    uint64_t began_ms = tamga_session_now_ms();

    cr_assert_eq(latest(session, NULL), TAMGA_E_UNREACHABLE);
    cr_assert_lt(tamga_session_now_ms() - began_ms, 4000);
    tamga_session_close(session);
}

/*
 * Goal:   a node of another role is passed over; if all are, that is said at once.
 * Method: a gateway asked for releases, alone and before a consortium node; a consortium
 *         node asked by a session for the gateway chain.
 */
Test(session, passes_over_nodes_that_will_not_do)
{
    struct fake_node *gateway = fake_start(&(struct fake_options){.gateway = true});
    struct fake_node *node = fake_start(&(struct fake_options){0});
    struct tamga_session *session = session_to((const char *[]){fake_addr(gateway)}, 1, 20000);
    Tamga__V1__GetDeliveryRequest request = TAMGA__V1__GET_DELIVERY_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    struct tamga_detail detail = {""};

    cr_assert_eq(latest(session, &detail), TAMGA_E_NO_METHOD);
    tamga_session_close(session);
    session = session_to((const char *[]){fake_addr(gateway), fake_addr(node)}, 2, 20000);
    cr_assert_eq(latest(session, &detail), TAMGA_OK, "%s", detail.text);
    tamga_session_close(session);
    cr_assert_eq(tamga_session_open(&session, test_gateway(), NULL,
                                    (const char *[]){fake_addr(node)}, 1, 20000, NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_session_call(session, &answer, &tamga__v1__gateway_service__descriptor,
                                    "GetDelivery", &request.base, &detail),
                 TAMGA_E_WRONG_CHAIN);
    tamga_session_close(session);
    fake_stop(node);
    fake_stop(gateway);
}

/*
 * Goal:   a node that cannot show a member's status is not asked anything.
 * Method: a status signed by another key, and one of a stranger.
 */
Test(session, refuses_impostors)
{
    struct fake_node *forger = fake_start(&(struct fake_options){.signs_badly = true});
    struct fake_node *stranger = fake_start(&(struct fake_options){.signer = "stranger"});
    struct tamga_session *session = session_to((const char *[]){fake_addr(forger)}, 1, 20000);

    cr_assert_eq(latest(session, NULL), TAMGA_E_BAD_SIGNATURE);
    tamga_session_close(session);
    session = session_to((const char *[]){fake_addr(stranger)}, 1, 20000);
    cr_assert_eq(latest(session, NULL), TAMGA_E_NOT_MEMBER);
    tamga_session_close(session);
    fake_stop(stranger);
    fake_stop(forger);
}

/*
 * Goal:   addresses are judged before anything is opened.
 * Method: none, one too many, no address, the transport of a later version.
 */
Test(session, refuses_bad_addresses)
{
    struct tamga_session *session = NULL;
    const char *many[TAMGA_SESSION_NODES_MAX + 1];
    const char *bad[] = {DEAD, "127.0.0.1:7101"}, *tls[] = {"tls+tcp://127.0.0.1:7101"};

    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        many[i] = DEAD;
    cr_assert_eq(tamga_session_open(&session, test_consortium(), NULL, many, 0, 0, NULL),
                 TAMGA_E_USAGE);
    cr_assert_eq(tamga_session_open(&session, test_consortium(), NULL, many,
                                    TAMGA_SESSION_NODES_MAX + 1, 0, NULL),
                 TAMGA_E_USAGE);
    cr_assert_eq(tamga_session_open(&session, test_consortium(), NULL, bad, 2, 0, NULL),
                 TAMGA_E_USAGE);
    cr_assert_eq(tamga_session_open(&session, test_consortium(), NULL, tls, 1, 0, NULL),
                 TAMGA_E_USAGE);
    cr_assert_null(session);
}
