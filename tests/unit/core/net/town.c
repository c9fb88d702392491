#include "town.h"

static void serve(struct town *town, struct tamga_rpc_server_options *options)
{
    options->listen = "tls+tcp://127.0.0.1:0";
    options->link = &town->server_link;
    fixture_open_link(&town->fixture, options, &town->client_link);
    town->addr = tamga_rpc_server_addr(town->fixture.server);
}

void town_open_with(struct town *town, struct tamga_rpc_server_options *options)
{
    memset(town, 0, sizeof *town);
    authority_open(&town->authority, 7);
    authority_member(&town->authority, "node-1", TOWN_NODE, -AUTHORITY_DAY_S, AUTHORITY_YEAR_S);
    authority_member(&town->authority, "acme", TAMGA_TLS_OEM, -AUTHORITY_DAY_S,
                     AUTHORITY_YEAR_S);
    town->server_tls = authority_tls(&town->authority, "node-1");
    town->client_tls = authority_tls(&town->authority, "acme");
    town->server_link = (struct tamga_net_link){.tls = town->server_tls, .shake_ms = 1500};
    town->client_link = (struct tamga_net_link){.tls = town->client_tls};
    town->server_link.per_address_max = 4096;
    town->server_link.per_address_per_s = 1000000;
    serve(town, options);
}

void town_open(struct town *town)
{
    struct tamga_rpc_server_options options = fixture_options();

    town_open_with(town, &options);
}

void town_serve_again(struct town *town, struct tamga_rpc_server_options *options)
{
    fixture_close(&town->fixture);
    serve(town, options);
}

void town_close(struct town *town)
{
    fixture_close(&town->fixture);
    tamga_tls_close(town->client_tls);
    tamga_tls_close(town->server_tls);
    authority_close(&town->authority);
}

enum tamga_err town_ask(struct town *town, struct tamga_tls *tls, const char *wanted,
                        uint32_t roles, struct tamga_detail *detail)
{
    struct tamga_net_link link = {.tls = tls, .want = {.name = wanted, .roles = roles}};
    struct tamga_channel *channel = NULL;
    enum tamga_err err = tamga_channel_open_link(&channel, town->addr, &link, detail);

    if (err)
        return err;
    err = fixture_get(channel, "hello", 5000, NULL, detail);
    tamga_channel_close(channel);
    return err;
}
