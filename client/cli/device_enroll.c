/*
 * tamga device enroll: what a factory flashes: the device's key, its OEM's certificate
 * for it, the trust root, the CA that gateways' certificates come from, and the agent's
 * configuration.
 */
#include "cli/cli.h"

#include <time.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/recipient.h"
#include "crypto/tls.h"
#include "crypto/token.h"
#include "link/state.h"
#include "link/tls_folder.h"
#include "net/endpoint.h"
#include "rules/rules.h"
#include "wire/wire.h"

#define GATEWAYS_MAX 32

struct enroll {
    const char *device;
    const char *out;
    const char *hardware;
    const char *decryption_key; /* file, or "new"; NULL: none */
    const char *key;            /* pkcs11: URI of the device's own; NULL: make one */
    const char *gateway[GATEWAYS_MAX];
    size_t gateway_count;
    enum tamga_key_type type;
    uint64_t expires_ms;
};

enum { OPT_HARDWARE = 1, OPT_GATEWAY, OPT_EXPIRES, OPT_DECRYPTION, OPT_KEY };

static const struct argp_option options[] = {
    {"out", 'o', "DIR", 0, "Folder to make; it must not exist, or be empty", 0},
    {"hardware", OPT_HARDWARE, "REV", 0, "The board's revision, one of the model's", 0},
    {"gateway", OPT_GATEWAY, "ADDR", 0,
     "Gateway that the device asks, tls+tcp://host:port (or tcp://, plain); repeatable, or "
     "separated by commas",
     0},
    {"type", 't', "TYPE", 0, "Key type: p256 (default), rsa3072 or ed25519", 0},
    {"key", OPT_KEY, "URI", 0,
     "Make no key: the device's is on a token, named by this pkcs11: URI with its pin-source", 0},
    {"expires", OPT_EXPIRES, "DATE", 0, "End of the certificate (default: never)", 0},
    {"decryption-key", OPT_DECRYPTION, "new|FILE", 0,
     "Give it an X25519 key for encrypted images: one of its own, or a copy of its model's "
     "(`tamga keygen --type x25519`)",
     0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct enroll *enroll = state->input;

    switch (key) {
    case 'o':
        enroll->out = arg;
        return 0;
    case OPT_HARDWARE:
        enroll->hardware = arg;
        return 0;
    case OPT_GATEWAY:
        cli_list(state, "--gateway", arg, enroll->gateway, &enroll->gateway_count,
                 GATEWAYS_MAX);
        return 0;
    case 't':
        enroll->type = cli_key_type(state, arg);
        return 0;
    case OPT_KEY:
        enroll->key = arg;
        return 0;
    case OPT_DECRYPTION:
        enroll->decryption_key = arg;
        return 0;
    case OPT_EXPIRES:
        enroll->expires_ms = cli_date_ms(state, "--expires", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (enroll->device != NULL)
            argp_error(state, "one device at a time");
        enroll->device = arg;
        return 0;
    case ARGP_KEY_END:
        if (enroll->device == NULL)
            argp_error(state, "which device? P/M/N");
        else if (enroll->out == NULL)
            argp_error(state, "--out DIR is needed");
        else if (enroll->key != NULL && !tamga_token_is_named(enroll->key))
            argp_error(state, "--key is \"%s\"; accepted is a pkcs11: URI", enroll->key);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "P/M/N",
    .doc = "Make a device's key, certificate and configuration; --identity is its OEM's. No node "
           "is asked, unless genesis does not have the OEM or its model and --node names one."
           "\vExample: tamga --identity members/acme device enroll acme/cam/0001 --hardware A "
           "--gateway tls+tcp://127.0.0.1:7301 --out 0001",
};

/* ---- may this OEM enrol this device? ---------------------------------------------- */

static enum tamga_err check_hardware(const struct enroll *enroll, const Tamga__V1__Model *model,
                                     struct tamga_detail *detail)
{
    if (enroll->hardware == NULL)
        return TAMGA_OK;
    for (size_t i = 0; i < model->n_hardware; i++)
        if (strcmp(model->hardware[i], enroll->hardware) == 0)
            return TAMGA_OK;
    return tamga_refuse(detail, TAMGA_E_UNKNOWN_HARDWARE, "%s/%s has no revision %.40s",
                        model->producer, model->model, enroll->hardware);
}

static enum tamga_err check_issuer(const struct tamga_identity *oem,
                                   const struct tamga_device_name *name,
                                   struct tamga_detail *detail)
{
    if (oem->member == NULL)
        return tamga_refuse(detail, TAMGA_E_NOT_MEMBER,
                            "no member of network \"%.64s\" has the identity's key; of one that "
                            "joined later, a node knows: name one by --node",
                            oem->network->genesis->network);
    if ((oem->member->roles & TAMGA__V1__ROLE__ROLE_OEM) == 0 ||
        strcmp(oem->member->name, name->producer) != 0)
        return tamga_refuse(detail, TAMGA_E_ISSUER_NOT_OEM,
                            "the identity is %s's; only OEM %s may enrol %s/%s",
                            oem->member->name, name->producer, name->producer, name->model);
    return TAMGA_OK;
}

/* As genesis says it. */
static enum tamga_err check(const struct enroll *enroll, const struct tamga_identity *oem,
                            const struct tamga_device_name *name, uint64_t now_ms,
                            struct tamga_detail *detail)
{
    const Tamga__V1__Genesis *genesis = oem->network->genesis;
    enum tamga_err err = check_issuer(oem, name, detail);

    if (err != TAMGA_OK)
        return err;
    if (enroll->expires_ms != 0 && enroll->expires_ms <= now_ms)
        return tamga_refuse(detail, TAMGA_E_CERTIFICATE_EXPIRED, "--expires is in the past");
    for (size_t i = 0; i < genesis->n_models; i++)
        if (strcmp(genesis->models[i]->producer, name->producer) == 0 &&
            strcmp(genesis->models[i]->model, name->model) == 0)
            return check_hardware(enroll, genesis->models[i], detail);
    return tamga_refuse(detail, TAMGA_E_UNKNOWN_MODEL, "%s/%s is not registered",
                        name->producer, name->model);
}

struct proved {
    const struct enroll *enroll;
    struct tamga_detail *detail;
};

static enum tamga_err check_revision(void *context, const struct tamga_model_info *model)
{
    const struct proved *proved = context;
    const char *wanted = proved->enroll->hardware;

    for (size_t i = 0; wanted != NULL && i < model->hardware_count; i++)
        if (strcmp(model->hardware[i], wanted) == 0)
            return TAMGA_OK;
    return wanted == NULL ? TAMGA_OK
                          : tamga_refuse(proved->detail, TAMGA_E_UNKNOWN_HARDWARE,
                                         "%.100s has no revision %.40s", model->model, wanted);
}

/* What is known of ourselves now. */
static enum tamga_err learn_self(struct tamga_identity *oem, const struct tamga_member *self)
{
    Tamga__V1__PublicKey key = tamga_wire_key_of(tamga_private_key_public(oem->key));
    enum tamga_err err = tamga_network_learn(oem->network, self->name, self->roles, &key);

    if (err == TAMGA_OK)
        oem->member = tamga_network_member(oem->network, &oem->address);
    return err;
}

/* As the chain says it, for OEMs and models that came after genesis. */
static enum tamga_err check_now(const struct cli *cli, const struct enroll *enroll,
                                struct tamga_identity *oem,
                                const struct tamga_device_name *name,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct proved proved = {enroll, detail};
    char model[TAMGA_CLIENT_MODEL_MAX];
    enum tamga_err err = cli_open(cli, &client, detail);

    if (err == TAMGA_OK)
        err = tamga_client_learn(client, detail);
    if (err == TAMGA_OK)
        err = check_issuer(&client->identity, name, detail);
    if (err == TAMGA_OK)
        err = learn_self(oem, client->identity.member);
    if (err != TAMGA_OK)
        return err;
    snprintf(model, sizeof model, "%s/%s", name->producer, name->model);
    return tamga_client_model(client, model, check_revision, &proved, detail);
}

static bool may_be_later(enum tamga_err err)
{
    return err == TAMGA_E_NOT_MEMBER || err == TAMGA_E_UNKNOWN_MODEL ||
           err == TAMGA_E_UNKNOWN_HARDWARE || err == TAMGA_E_ISSUER_NOT_OEM;
}

static enum tamga_err check_gateways(const struct enroll *enroll, struct tamga_detail *detail)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; i < enroll->gateway_count && err == TAMGA_OK; i++) {
        struct tamga_endpoint endpoint;

        err = tamga_endpoint_parse_link(&endpoint, enroll->gateway[i], false, detail);
    }
    return err;
}

/* ---- what is written --------------------------------------------------------------- */

struct device {
    struct tamga_private_key *key;
    struct tamga_buf certificate;
    struct tamga_hash certificate_id;
    struct tamga_recipient_key *decryption; /* NULL: none */
    struct tamga_buf ca, crl; /* of the network; empty: its gateways are plain tcp */
};

static void device_clear(struct device *device)
{
    tamga_private_key_free(device->key);
    tamga_recipient_key_free(device->decryption);
    tamga_buf_clear(&device->certificate);
    tamga_buf_clear(&device->ca);
    tamga_buf_clear(&device->crl);
}

static enum tamga_err certify(struct device *device, const struct enroll *enroll,
                              const struct tamga_identity *oem, struct tamga_device_name *name,
                              uint64_t now_ms)
{
    Tamga__V1__CertificateBody body = TAMGA__V1__CERTIFICATE_BODY__INIT;
    Tamga__V1__DeviceId id = TAMGA__V1__DEVICE_ID__INIT;
    Tamga__V1__PublicKey key = tamga_wire_key_of(tamga_private_key_public(device->key));
    Tamga__V1__PublicKey issuer = tamga_wire_key_of(tamga_private_key_public(oem->key));

    id.producer = name->producer;
    id.model = name->model;
    id.number = name->number;
    body.device = &id;
    body.key = &key;
    body.issuer = tamga_wire_bytes(tamga_hash_span(&oem->address.hash));
    body.issuer_key = &issuer;
    if (enroll->hardware != NULL)
        body.hardware = (char *)(uintptr_t)enroll->hardware;
    body.issued_ms = now_ms;
    body.expires_ms = enroll->expires_ms;
    return tamga_signed_make(&device->certificate, &device->certificate_id, &body.base,
                             TAMGA_DOMAIN_CERTIFICATE, &oem->network->id, oem->key);
}

/* As the device will read them, so that a bad one is found here and not in the field. */
static enum tamga_err try_ca(const struct enroll *enroll, const struct device *device,
                             const struct tamga_identity *oem, const char *ca, const char *crl,
                             struct tamga_detail *detail)
{
    const struct tamga_tls_device own = {.ca = ca,
                                         .crl = crl,
                                         .key = device->key,
                                         .certificate = tamga_buf_span(&device->certificate),
                                         .network = oem->network->id.hash,
                                         .name = enroll->device};
    struct tamga_tls *tls = NULL;
    enum tamga_err err = tamga_tls_open_device(&tls, &own, detail);

    tamga_tls_close(tls);
    return err;
}

/* From the folder that has the OEM's own certificates, if it has any. */
static enum tamga_err take_ca(const struct cli *cli, const struct enroll *enroll,
                              struct device *device, const struct tamga_identity *oem,
                              struct tamga_detail *detail)
{
    const char *folder = cli->tls ? cli->tls : cli->identity;
    char ca[CLI_PATH_MAX], crl[CLI_PATH_MAX];
    enum tamga_err err;

    if (snprintf(ca, sizeof ca, "%s/" TAMGA_TLS_FOLDER_CA, folder) >= CLI_PATH_MAX ||
        snprintf(crl, sizeof crl, "%s/" TAMGA_TLS_FOLDER_CRL, folder) >= CLI_PATH_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.80s...: path is too long", folder);
    if (access(ca, F_OK) != 0)
        return tamga_tls_addressed(enroll->gateway, enroll->gateway_count)
                   ? tamga_refuse(detail, TAMGA_E_USAGE,
                                  "tls+tcp:// gateways need the network's CA: there is no %.150s",
                                  ca)
                   : TAMGA_OK;
    err = try_ca(enroll, device, oem, ca, crl, detail);
    if (err == TAMGA_OK)
        err = cli_file_read(&device->ca, ca, TAMGA_TLS_FILE_BYTES_MAX, detail);
    return err == TAMGA_OK
               ? cli_file_read(&device->crl, crl, TAMGA_TLS_FILE_BYTES_MAX, detail)
               : err;
}

static bool any_plain(const struct enroll *enroll)
{
    for (size_t i = 0; i < enroll->gateway_count; i++)
        if (!tamga_tls_addressed(&enroll->gateway[i], 1))
            return true;
    return false;
}

static enum tamga_err config(struct tamga_buf *out, const struct enroll *enroll,
                             const struct device *device)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    enum tamga_err err;

    if (file == NULL)
        return TAMGA_E_NO_MEMORY;
    fprintf(file,
            "# Made by `tamga device enroll`. Relative paths start at this file's folder.\n"
            "device: %s\ngenesis: genesis.tamga\nkey: %s\n"
            "certificate: certificate.tamga\nstate: state\nroot: .\n",
            enroll->device, enroll->key ? enroll->key : "device.pem");
    if (enroll->decryption_key != NULL)
        fprintf(file, "decryption_key: decryption.pem\n");
    if (device->ca.len > 0)
        fprintf(file, "tls: {ca: " TAMGA_TLS_FOLDER_CA ", crl: " TAMGA_TLS_FOLDER_CRL
                      "} # shows its own key\n");
    if (any_plain(enroll))
        fprintf(file, "insecure: true # plain tcp\n");
    fprintf(file, enroll->gateway_count > 0 ? "gateways:\n"
                                            : "gateways: [] # name at least one\n");
    for (size_t i = 0; i < enroll->gateway_count; i++)
        fprintf(file, "  - %s\n", enroll->gateway[i]);
    fprintf(file, "interval_seconds: 60\nlog_level: info\nlog_format: text\n");
    err = fclose(file) == 0 ? tamga_buf_set(out, tamga_span(text, len)) : TAMGA_E_NO_MEMORY;
    free(text);
    return err;
}

static enum tamga_err put(const struct cli_folder *folder, const char *name,
                          struct tamga_span bytes, struct tamga_detail *detail)
{
    char path[CLI_PATH_MAX];
    enum tamga_err err = cli_folder_path(path, folder, detail, "%s", name);

    return err == TAMGA_OK ? cli_file_write(path, bytes, detail) : err;
}

static enum tamga_err put_keys(const struct cli_folder *folder, const struct device *device,
                               bool on_token, struct tamga_detail *detail)
{
    char path[CLI_PATH_MAX];
    enum tamga_err err = cli_folder_path(path, folder, detail, "device.pem");

    if (err == TAMGA_OK && !on_token)
        err = tamga_private_key_save(device->key, path, NULL, detail);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "device.pub");
    return err == TAMGA_OK
               ? tamga_public_key_save(tamga_private_key_public(device->key), path, detail)
               : err;
}

static enum tamga_err put_decryption(const struct cli_folder *folder,
                                     const struct tamga_recipient_key *key,
                                     struct tamga_detail *detail)
{
    char path[CLI_PATH_MAX];
    enum tamga_err err = cli_folder_path(path, folder, detail, "decryption.pem");

    if (err == TAMGA_OK)
        err = tamga_recipient_key_save(key, path, NULL, detail);
    if (err == TAMGA_OK)
        err = cli_folder_path(path, folder, detail, "decryption.pub");
    return err == TAMGA_OK
               ? tamga_recipient_save(tamga_recipient_key_public(key), path, detail)
               : err;
}

static enum tamga_err put_ca(const struct cli_folder *folder, const struct device *device,
                             struct tamga_detail *detail)
{
    enum tamga_err err = put(folder, TAMGA_TLS_FOLDER_CA, tamga_buf_span(&device->ca), detail);

    return err == TAMGA_OK
               ? put(folder, TAMGA_TLS_FOLDER_CRL, tamga_buf_span(&device->crl), detail)
               : err;
}

static enum tamga_err write_all(const struct enroll *enroll, const struct device *device,
                                const struct tamga_identity *oem, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(cli_folder_abandon) struct cli_folder folder = {{0}, {0}};
    TAMGA_BUF text = {0};
    enum tamga_err err = config(&text, enroll, device);

    if (err == TAMGA_OK)
        err = cli_folder_begin(&folder, enroll->out, detail);
    if (err == TAMGA_OK)
        err = put_keys(&folder, device, enroll->key != NULL, detail);
    if (err == TAMGA_OK && device->decryption != NULL)
        err = put_decryption(&folder, device->decryption, detail);
    if (err == TAMGA_OK)
        err = device->ca.len > 0 ? put_ca(&folder, device, detail) : TAMGA_OK;
    if (err == TAMGA_OK)
        err = put(&folder, "certificate.tamga", tamga_buf_span(&device->certificate), detail);
    if (err == TAMGA_OK)
        err = put(&folder, "genesis.tamga", tamga_buf_span(&oem->network->bytes), detail);
    if (err == TAMGA_OK)
        err = put(&folder, "device.yaml", tamga_buf_span(&text), detail);
    return err == TAMGA_OK ? cli_folder_commit(&folder, detail) : err;
}

static enum tamga_err show(const struct cli *cli, const struct enroll *enroll,
                           const struct device *device, const struct tamga_identity *oem)
{
    Tamga__V1__EnrollResult view = TAMGA__V1__ENROLL_RESULT__INIT;
    char address_hex[TAMGA_HEX_CHARS], id[TAMGA_HEX_CHARS], expires[CLI_TIME_MAX];
    char decryption_hex[TAMGA_HEX_CHARS] = "";
    struct tamga_address address;
    struct tamga_hash decryption;

    tamga_public_key_address(tamga_private_key_public(device->key), &address);
    view.device = (char *)(uintptr_t)enroll->device;
    view.folder = (char *)(uintptr_t)enroll->out;
    view.address = (char *)(uintptr_t)cli_hex(address_hex, address.hash.byte);
    view.certificate = (char *)(uintptr_t)cli_hex(id, device->certificate_id.byte);
    view.issuer = (char *)(uintptr_t)oem->member->name;
    view.hardware = (char *)(uintptr_t)(enroll->hardware ? enroll->hardware : "");
    view.expires = (char *)(uintptr_t)cli_time(expires, enroll->expires_ms);
    view.decryption = decryption_hex;
    if (device->decryption != NULL) {
        tamga_recipient_id(&decryption, tamga_recipient_key_public(device->decryption));
        cli_hex(decryption_hex, decryption.byte);
    }
    if (cli->json)
        return cli_json(&view.base);
    printf("device %s is enrolled by %s\n  folder       %s\n  address      %s\n"
           "  certificate  %s\n",
           view.device, view.issuer, view.folder, view.address, view.certificate);
    if (device->decryption != NULL)
        printf("  decrypts as  %s\n", view.decryption);
    return cli_flush();
}

static enum tamga_err take_decryption(struct tamga_recipient_key **out, const char *from,
                                      struct tamga_detail *detail)
{
    return strcmp(from, "new") == 0 ? tamga_recipient_key_generate(out)
                                    : tamga_recipient_key_load(out, from, NULL, detail);
}

static enum tamga_err take_keys(struct device *device, const struct enroll *enroll,
                                struct tamga_detail *detail)
{
    enum tamga_err err =
        enroll->key != NULL
            ? tamga_private_key_load(&device->key, enroll->key, NULL, detail)
            : tamga_private_key_generate(&device->key, enroll->type);

    if (err == TAMGA_OK && enroll->decryption_key != NULL)
        err = take_decryption(&device->decryption, enroll->decryption_key, detail);
    return err;
}

static void identity_clear(struct tamga_identity *identity)
{
    tamga_identity_clear(identity);
}

int cli_device_enroll(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(identity_clear) struct tamga_identity oem = {0};
    TAMGA_CLEANUP(device_clear) struct device device = {0};
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *passphrase = NULL;
    struct enroll enroll = {.type = TAMGA_KEY_P256};
    struct tamga_identity_options who;
    struct tamga_device_name name;
    struct tamga_detail detail = {""};
    struct timespec now;
    uint64_t now_ms;
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &enroll);
    clock_gettime(CLOCK_REALTIME, &now);
    now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    err = tamga_device_parse(&name, enroll.device, &detail);
    if (err == TAMGA_OK)
        err = check_gateways(&enroll, &detail);
    if (err == TAMGA_OK && cli->identity == NULL)
        err = tamga_refuse(&detail, TAMGA_E_USAGE,
                           "enrolling needs the OEM's --identity DIR or TAMGA_IDENTITY");
    if (err == TAMGA_OK)
        err = cli_identity_passphrase(cli, &passphrase, &detail);
    who = (struct tamga_identity_options){cli->identity, cli->genesis, NULL,
                                          tamga_passphrase_text(passphrase)};
    if (err == TAMGA_OK)
        err = tamga_identity_load(&oem, &who, &detail);
    if (err == TAMGA_OK)
        err = check(&enroll, &oem, &name, now_ms, &detail);
    if (may_be_later(err) && cli->node_count > 0)
        err = check_now(cli, &enroll, &oem, &name, &detail);
    if (err == TAMGA_OK)
        err = take_keys(&device, &enroll, &detail);
    if (err == TAMGA_OK)
        err = certify(&device, &enroll, &oem, &name, now_ms);
    if (err == TAMGA_OK)
        err = take_ca(cli, &enroll, &device, &oem, &detail);
    if (err == TAMGA_OK)
        err = write_all(&enroll, &device, &oem, &detail);
    if (err == TAMGA_OK)
        err = show(cli, &enroll, &device, &oem);
    return cli_fail(err, &detail);
}
