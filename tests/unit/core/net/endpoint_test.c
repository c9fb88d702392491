/* Tests of core/net/endpoint.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/endpoint.h"

/*
 * Goal:   every way of writing a host is taken, and written back as it was.
 * Method: parse and format names, IPv4 and IPv6, ports at their ends.
 */
Test(endpoint, takes_what_is_an_address)
{
    static const char *const good[] = {"tcp://127.0.0.1:1", "tcp://node-1.example.org:65535",
                                       "tcp://[::1]:4001", "tcp://localhost:80"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct tamga_endpoint endpoint;
        char text[TAMGA_ENDPOINT_TEXT_MAX];

        cr_assert_eq(tamga_endpoint_parse(&endpoint, good[i], false, NULL), TAMGA_OK);
        tamga_endpoint_format(text, &endpoint);
        cr_assert_str_eq(text, good[i]);
    }
}

/*
 * Goal:   everything else is refused with USAGE and a sentence, output untouched.
 * Method: wrong schemes, hosts, ports, lengths; NULL.
 */
Test(endpoint, refuses_what_is_none)
{
    static const char *const bad[] = {
        NULL, "", "tcp://", "127.0.0.1:1", "http://a:1", "ipc:///tmp/x", "tcp://a", "tcp://:1",
        "tcp://a:", "tcp://a:65536", "tcp://a:-1", "tcp://a:01", "tcp://a:1x", "tcp://a b:1",
        "tcp://a/b:1", "tcp://[::1:1", "tcp://[x]:1", "tcp://::1:1", "tcp://a:0",
        "tcp://a:99999999999999999999", "tcp://*:1", "TCP://a:1"};
    char huge[400] = "tcp://";

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tamga_endpoint endpoint = {.port = 7};
        struct tamga_detail detail = {""};

        cr_assert_eq(tamga_endpoint_parse(&endpoint, bad[i], false, &detail), TAMGA_E_USAGE,
                     "\"%s\" was taken", bad[i] ? bad[i] : "NULL");
        cr_assert_eq(endpoint.port, 7);
        cr_assert_neq(detail.text[0], '\0');
    }
    memset(huge + 6, 'a', TAMGA_ENDPOINT_HOST_MAX + 1);
    strcat(huge, ":1");
    cr_assert_eq(tamga_endpoint_parse(&(struct tamga_endpoint){0}, huge, false, NULL),
                 TAMGA_E_USAGE);
}

/*
 * Goal:   port 0 is for listening only; tls is for who has a link.
 * Method: the same address with and without port_zero; tls+tcp with both functions.
 */
Test(endpoint, knows_port_zero_and_tls)
{
    struct tamga_endpoint endpoint;
    struct tamga_detail detail;
    char text[TAMGA_ENDPOINT_TEXT_MAX];

    cr_assert_eq(tamga_endpoint_parse(&endpoint, "tcp://a:0", true, NULL), TAMGA_OK);
    cr_assert_eq(endpoint.port, 0);
    cr_assert_eq(tamga_endpoint_parse(&endpoint, "tls+tcp://a:1", true, &detail),
                 TAMGA_E_USAGE);
    cr_assert_not_null(strstr(detail.text, "plain tcp:// only"));
    cr_assert_not(endpoint.tls);
    cr_assert_eq(tamga_endpoint_parse_link(&endpoint, "tls+tcp://a:1", true, NULL), TAMGA_OK);
    cr_assert(endpoint.tls);
    tamga_endpoint_format(text, &endpoint);
    cr_assert_str_eq(text, "tls+tcp://a:1");
    cr_assert_eq(tamga_endpoint_parse_link(&endpoint, "tls://a:1", true, NULL), TAMGA_E_USAGE);
    cr_assert_eq(tamga_endpoint_parse_link(&endpoint, NULL, true, NULL), TAMGA_E_USAGE);
}
