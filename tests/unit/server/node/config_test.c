/* A node's configuration: what is read, and that every mistake is named with its line. */
#include "node/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GOOD                                                                             \
    "name: node-a\ngenesis: genesis.tamga\nkey: /etc/tamga/key.pem\ndata: data\n"       \
    "rpc: \"tcp://127.0.0.1:1\"\ngossip: \"tcp://127.0.0.1:2\"\ninsecure: true\n"

/* Load a text as a file in a new folder; the file is gone afterwards. */
static enum tamga_err load(struct tamga_config **out, const char *text, bool gateway,
                           struct tamga_detail *detail)
{
    char folder[] = "/tmp/tamga-config-XXXXXX", path[64];
    enum tamga_err err;
    FILE *file;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/c.yaml", folder);
    file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    err = tamga_config_load(out, path, gateway, detail);
    unlink(path);
    rmdir(folder);
    return err;
}

/*
 * Goal:   a complete configuration is read, with defaults and paths beside the file.
 * Method: load one with peers; look at each value.
 */
Test(config, reads_a_good_one)
{
    struct tamga_config *config = NULL;
    struct tamga_detail detail = {{0}};

    cr_assert_eq(load(&config, GOOD "peers:\n  - {rpc: \"tcp://127.0.0.1:3\"}\n", false, &detail),
                 TAMGA_OK, "%s", detail.text);
    cr_assert_str_eq(config->name, "node-a");
    cr_assert_str_eq(config->key, "/etc/tamga/key.pem");
    cr_assert_not_null(strstr(config->genesis, "/genesis.tamga"));
    cr_assert_eq(config->genesis[0], '/');
    cr_assert_eq(config->peers_count, 1);
    cr_assert_null(config->peers[0].gossip);
    cr_assert_eq(config->content_bytes_max, 16ull * 1024 * 1024 * 1024);
    cr_assert_str_eq(config->log_level, "info");
    cr_assert_not(config->joined);
    tamga_config_free(config, false);
    cr_assert_eq(load(&config, GOOD "joined: true\n", false, &detail), TAMGA_OK);
    cr_assert(config->joined);
    tamga_config_free(config, false);
}

/*
 * Goal:   each mistake is USAGE, and the sentence names file and line.
 * Method: one wrong line at a time after seven good ones.
 */
Test(config, names_the_line_of_each_mistake)
{
    static const struct {
        const char *text;
        bool gateway;
        const char *named;
    } cases[] = {
        {GOOD "colour: red\n", false, "c.yaml:8"},
        {GOOD "log_level: loud\n", false, "c.yaml:8"},
        {GOOD "log_format: xml\n", false, "c.yaml:8"},
        {GOOD "content_bytes_max: 12\n", false, "c.yaml:8"},
        {GOOD "content_bytes_max: lots\n", false, "c.yaml:8"},
        {GOOD "peers: yes\n", false, "c.yaml:8"},
        {GOOD "consortium:\n  - {rpc: x}\n", false, "c.yaml:8"}, /* a gateway's key */
        {GOOD, true, "consortium"}, /* a gateway follows somebody */
        {"name: [\n", false, "c.yaml:"},
        {"name: node-a\n", false, "c.yaml"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tamga_config *config = NULL;
        struct tamga_detail detail = {{0}};

        cr_assert_eq(load(&config, cases[i].text, cases[i].gateway, &detail), TAMGA_E_USAGE,
                     "case %zu", i);
        cr_assert_not_null(strstr(detail.text, cases[i].named), "case %zu: %s", i,
                           detail.text);
        cr_assert_null(config);
    }
}

/*
 * Goal:   plain links are never used unless somebody asked for them.
 * Method: leave `insecure` out; say false.
 */
Test(config, plain_links_must_be_asked_for)
{
    static const char without[] = "name: n\ngenesis: g\nkey: k\ndata: d\nrpc: r\ngossip: s\n";
    struct tamga_config *config = NULL;
    struct tamga_detail detail = {{0}};

    cr_assert_eq(load(&config, without, false, &detail), TAMGA_E_USAGE);
    cr_assert_not_null(strstr(detail.text, "insecure: true"), "%s", detail.text);
}

#define TLS                                                                              \
    "name: n\ngenesis: g\nkey: k\ndata: d\ngossip: \"tls+tcp://a:2\"\n"                   \
    "tls: {ca: ca.crt, cert: tls.crt, key: /k/tls.key, crl: ca.crl}\n"

/*
 * Goal:   with certificates nothing has to be asked for, as long as no address is plain.
 * Method: all addresses of TLS; one peer plain; the section with a file missing.
 */
Test(config, takes_certificates)
{
    struct tamga_config *config = NULL;
    struct tamga_detail detail = {{0}};

    cr_assert_eq(load(&config, TLS "rpc: \"tls+tcp://a:1\"\n", false, &detail), TAMGA_OK, "%s",
                 detail.text);
    cr_assert_str_eq(config->tls->key, "/k/tls.key");
    cr_assert_not_null(strstr(config->tls->ca, "/ca.crt"), "%s", config->tls->ca);
    tamga_config_free(config, false);
    cr_assert_eq(load(&config, TLS "rpc: \"tcp://a:1\"\n", false, &detail), TAMGA_E_USAGE);
    cr_assert_not_null(strstr(detail.text, "plain tcp"), "%s", detail.text);
    cr_assert_eq(load(&config, TLS "rpc: \"tls+tcp://a:1\"\n"
                                   "peers:\n  - {rpc: \"tcp://b:1\", gossip: \"tls+tcp://b:2\"}\n",
                      false, &detail), TAMGA_E_USAGE);
    cr_assert_eq(load(&config, "name: n\ngenesis: g\nkey: k\ndata: d\nrpc: r\ngossip: s\n"
                               "tls: {ca: a, cert: b, key: c}\n", false, &detail), TAMGA_E_USAGE);
}

/*
 * Goal:   limits are read; what is not said has its default, and a burst is twice its rate;
 *         what cannot be is refused with its line.
 * Method: none; some; a concurrency and a rate too high, an unknown word.
 */
Test(config, reads_limits)
{
    struct tamga_config *config = NULL;
    struct tamga_detail detail = {{0}};

    cr_assert_eq(load(&config, GOOD, false, &detail), TAMGA_OK, "%s", detail.text);
    cr_assert_eq(config->limits.connection.concurrent, 64);
    cr_assert_eq(config->limits.member.requests_per_s, 40000);
    cr_assert_eq(config->limits.device.bytes_in_per_s, 8u << 20);
    cr_assert_eq(config->limits.address.requests_burst, 200000);
    tamga_config_free(config, false);
    cr_assert_eq(load(&config, GOOD "limits:\n  member: {requests_per_second: 7, concurrent: 3}\n"
                      "  device:\n    bytes_out_per_second: 5000\n", false, &detail),
                 TAMGA_OK, "%s", detail.text);
    cr_assert_eq(config->limits.member.requests_per_s, 7);
    cr_assert_eq(config->limits.member.requests_burst, 14);
    cr_assert_eq(config->limits.member.concurrent, 3);
    cr_assert_eq(config->limits.member.bytes_in_per_s, 512u << 20);
    cr_assert_eq(config->limits.device.bytes_out_per_s, 5000);
    cr_assert_eq(config->limits.device.requests_per_s, 100);
    tamga_config_free(config, false);
    cr_assert_eq(load(&config, GOOD "limits:\n  connection: {concurrent: 257}\n", false, &detail),
                 TAMGA_E_USAGE);
    cr_assert_not_null(strstr(detail.text, "c.yaml:9: 257 concurrent requests, not 1..256"), "%s",
                       detail.text);
    cr_assert_eq(load(&config, GOOD "limits:\n  member: {bytes_in_per_second: 1099511627777}\n",
                      false, &detail), TAMGA_E_USAGE);
    cr_assert_not_null(strstr(detail.text, "c.yaml:9: bytes above 1099511627776"), "%s",
                       detail.text);
    cr_assert_eq(load(&config, GOOD "limits:\n  everybody: {}\n", false, &detail),
                 TAMGA_E_USAGE);
}
