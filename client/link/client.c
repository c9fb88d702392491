/* A client's life, and names taken apart. */
#include "link/client_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "link/tls_folder.h"
#include "rules/rules.h"

static enum tamga_err open_tls(struct tamga_client *client,
                               const struct tamga_client_options *options,
                               struct tamga_detail *detail)
{
    if (!tamga_tls_addressed(options->nodes, options->node_count))
        return TAMGA_OK;
    return tamga_tls_folder_open(&client->tls, options->tls ? options->tls : options->identity,
                                 &client->identity.network->id.hash, detail);
}

/* Whoever of these roles is behind an address holds the chain. */
static enum tamga_err open_session(struct tamga_session **out, struct tamga_client *client,
                                   const struct tamga_chain *chain, uint32_t roles,
                                   const struct tamga_client_options *options,
                                   struct tamga_detail *detail)
{
    const struct tamga_net_link link = {.tls = client->tls, .want.roles = roles};

    return tamga_session_open(out, chain, &link, options->nodes, options->node_count,
                              client->timeout_ms, detail);
}

static enum tamga_err open_sessions(struct tamga_client *client,
                                    const struct tamga_client_options *options,
                                    struct tamga_detail *detail)
{
    const struct tamga_chain *consortium = &client->consortium;
    enum tamga_err err = open_session(&client->nodes, client, consortium, TAMGA_TLS_CONSORTIUM,
                                      options, detail);

    if (err == TAMGA_OK)
        err = open_session(&client->releases, client, consortium,
                           TAMGA_TLS_CONSORTIUM | TAMGA_TLS_GATEWAY, options, detail);
    if (err == TAMGA_OK)
        err = open_session(&client->records, client, &client->gateway, TAMGA_TLS_GATEWAY,
                           options, detail);
    return err;
}

enum tamga_err tamga_client_open(struct tamga_client **out,
                                 const struct tamga_client_options *options,
                                 struct tamga_detail *detail)
{
    const struct tamga_identity_options who = {options->identity, options->genesis,
                                               options->passphrase_file, options->passphrase};
    struct tamga_client *client = calloc(1, sizeof *client);
    enum tamga_err err;

    if (client == NULL)
        return TAMGA_E_NO_MEMORY;
    client->timeout_ms = options->timeout_ms ? options->timeout_ms : TAMGA_SESSION_TIMEOUT_MS;
    err = tamga_identity_load(&client->identity, &who, detail);
    if (err == TAMGA_OK)
        err = tamga_chain_init(&client->consortium, &tamga_rules_consortium,
                               client->identity.network);
    if (err == TAMGA_OK)
        err = tamga_chain_init(&client->gateway, &tamga_rules_gateway,
                               client->identity.network);
    if (err == TAMGA_OK)
        err = open_tls(client, options, detail);
    if (err == TAMGA_OK)
        err = open_sessions(client, options, detail);
    if (err != TAMGA_OK)
        tamga_client_close(client);
    else
        *out = client;
    return err;
}

void tamga_client_close(struct tamga_client *client)
{
    if (client == NULL)
        return;
    tamga_session_close(client->records);
    tamga_session_close(client->releases);
    tamga_session_close(client->nodes);
    tamga_tls_close(client->tls);
    tamga_identity_clear(&client->identity);
    tamga_buf_clear(&client->model);
    free(client);
}

const char *tamga_client_version(void)
{
    return TAMGA_VERSION;
}

/* The text up to `end` (exclusive) into a place of `cap` bytes; false if it is too long. */
static bool part(char *out, size_t cap, const char *text, const char *end)
{
    size_t len = (size_t)(end - text);

    if (len >= cap)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

enum tamga_err tamga_model_parse(struct tamga_model_name *out, const char *text,
                                 struct tamga_detail *detail)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    struct tamga_model_name name;

    if (slash == NULL || !part(name.producer, sizeof name.producer, text, slash) ||
        !part(name.model, sizeof name.model, slash + 1, text + strlen(text)) ||
        !tamga_member_name_ok(name.producer) ||
        !tamga_name_ok(name.model, TAMGA_MODEL_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "\"%.80s\" is no model: P/M with P of a-z 0-9 - (1..32), "
                            "M of A-Z a-z 0-9 . _ - (1..64)",
                            text ? text : "");
    *out = name;
    return TAMGA_OK;
}

enum tamga_err tamga_device_parse(struct tamga_device_name *out, const char *text,
                                  struct tamga_detail *detail)
{
    const char *first = text ? strchr(text, '/') : NULL;
    const char *second = first ? strchr(first + 1, '/') : NULL;
    struct tamga_device_name name;

    if (second == NULL || !part(name.producer, sizeof name.producer, text, first) ||
        !part(name.model, sizeof name.model, first + 1, second) ||
        !part(name.number, sizeof name.number, second + 1, text + strlen(text)) ||
        !tamga_member_name_ok(name.producer) ||
        !tamga_name_ok(name.model, TAMGA_MODEL_BYTES_MAX) ||
        !tamga_name_ok(name.number, TAMGA_NUMBER_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "\"%.80s\" is no device: P/M/N with P of a-z 0-9 - (1..32), "
                            "M and N of A-Z a-z 0-9 . _ - (1..64)",
                            text ? text : "");
    *out = name;
    return TAMGA_OK;
}
