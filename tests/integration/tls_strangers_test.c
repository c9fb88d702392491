/*
 * Whoever may not link to a node, with real processes: each is told by the alert of its case,
 * the node's log says the reason, and the node serves on. And devices: each speaks for itself
 * alone, none links to a consortium node, and each judges its gateway.
 */
#include "cluster.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tamga/v1/device_service.pb-c.h"

#define DAY_S  AUTHORITY_DAY_S
#define YEAR_S (365 * DAY_S)
/* Of no image here: a node that takes the question looks for it in vain. */
#define SOME_CID "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"

static struct cluster cluster;
static struct authority other; /* of another CA, for the same network */

static int connect_to(const char *addr)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_port = htons((uint16_t)atoi(strrchr(addr, ':') + 1));
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static bool serves(const char *name)
{
    struct tamga_block_id tip;
    uint64_t height;
    const struct tamga_chain *chain =
        cluster_find(&cluster, name)->gateway ? &cluster.gateway : &cluster.consortium;

    return cluster_status(&cluster, name, chain, &height, &tip);
}

/* ---- strangers, raw --------------------------------------------------------------------- */

/* The alert that the server ends the link with; -1: it takes it. */
static int alert_of(SSL_CTX *context, const char *addr)
{
    int fd = connect_to(addr), alert = -1;
    SSL *ssl = SSL_new(context);
    char byte;

    CHECK(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
    ERR_clear_error();
    if (SSL_connect(ssl) != 1 || SSL_read(ssl, &byte, 1) != 1)
        alert = ERR_GET_REASON(ERR_peek_last_error()) - SSL_AD_REASON_OFFSET;
    ERR_clear_error();
    SSL_free(ssl);
    close(fd);
    return alert;
}

struct stranger {
    const struct authority *authority;
    const char *name;
    int version, alert;
    const char *says; /* the node's log */
};

static void refused(const struct stranger *stranger)
{
    SSL_CTX *context = authority_raw(stranger->authority, stranger->name, stranger->version);
    const char *addr = cluster_find(&cluster, "node-a")->rpc;

    CHECK(alert_of(context, addr) == stranger->alert);
    SSL_CTX_free(context);
    cluster_wait_log(&cluster, "node-a", stranger->says);
    CHECK(serves("node-a"));
}

static void hang_up(const char *addr, const char *bytes)
{
    int fd = connect_to(addr);
    char answer[256];

    CHECK(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL) == (ssize_t)strlen(bytes));
    while (recv(fd, answer, sizeof answer, 0) > 0)
        ; /* an alert, then the end */
    close(fd);
}

/*
 * Goal:   no certificate, another CA's, another network's, an expired, a revoked one, TLS 1.2
 *         and no TLS at all are refused, each with its alert and sentence; the node serves on
 *         after each, and takes a good one.
 * Method: OpenSSL as the client, and a line of HTTP; revocation while the node runs.
 */
static void strangers_are_told_why(void)
{
    const struct authority *own = &cluster.authority;
    struct authority elsewhere = *own; /* the same CA, for another network */
    const char *addr = cluster_find(&cluster, "node-a")->rpc;
    const struct stranger stranger[] = {
        {own, NULL, TLS1_3_VERSION, SSL_AD_CERTIFICATE_REQUIRED, "peer showed no certificate"},
        {&other, "softco", TLS1_3_VERSION, SSL_AD_UNKNOWN_CA,
         "certificate is not one of this network's CA; it says that it is softco"},
        {own, "afar", TLS1_3_VERSION, SSL_AD_HANDSHAKE_FAILURE,
         "certificate of afar is for another network"},
        {own, "late", TLS1_3_VERSION, SSL_AD_CERTIFICATE_EXPIRED,
         "certificate of the link's other end has expired; it says that it is late"},
        {own, "gone", TLS1_3_VERSION, SSL_AD_CERTIFICATE_REVOKED,
         "certificate is revoked; it says that it is gone"},
        {own, "softco", TLS1_2_VERSION, SSL_AD_PROTOCOL_VERSION, "unsupported protocol"},
    };
    SSL_CTX *good = authority_raw(own, "softco", TLS1_3_VERSION);

    elsewhere.network.byte[0] ^= 1;
    authority_member(&elsewhere, "afar", TAMGA_TLS_OEM, -DAY_S, YEAR_S);
    authority_member(own, "late", TAMGA_TLS_OEM, -YEAR_S, -DAY_S);
    authority_member(own, "gone", TAMGA_TLS_OEM, -DAY_S, YEAR_S);
    authority_revoke(own, "gone", 0);
    CHECK(kill(cluster_find(&cluster, "node-a")->pid, SIGHUP) == 0);
    cluster_wait_log(&cluster, "node-a", "certificates are read again");
    for (size_t i = 0; i < sizeof stranger / sizeof stranger[0]; i++)
        refused(&stranger[i]);
    hang_up(addr, "GET / HTTP/1.1\r\n\r\n");
    cluster_wait_log(&cluster, "node-a", "the last: http request");
    CHECK(serves("node-a"));
    CHECK(alert_of(good, addr) == -1);
    SSL_CTX_free(good);
}

/* ---- strangers, by the command ------------------------------------------------------------ */

/* `tamga status` of node-a with the certificates of a folder; what it said goes to a file. */
static int status_with(const char *name, const struct authority *authority)
{
    char command[2048];
    int status;

    snprintf(command, sizeof command,
             "cd %s && rm -rf as && mkdir as && cp %s/ca.crt as && cp old.crl as/ca.crl && "
             "cp %s/%s.crt as/tls.crt && cp -p %s/%s.key as/tls.key && "
             "%s --node %s --genesis node-a/genesis.tamga --tls as --timeout 5 status >said 2>&1",
             cluster.folder, authority->folder, authority->folder, name, authority->folder, name,
             TAMGA_CLI_PROGRAM, cluster_find(&cluster, "node-a")->rpc);
    status = system(command);
    CHECK(status != -1 && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool said(const char *text)
{
    char command[1024];

    snprintf(command, sizeof command, "grep -qF -- '%s' %s/said", text, cluster.folder);
    return system(command) == 0;
}

static void command_in_folder(const char *format, const char *argument)
{
    char command[2048];
    int len = snprintf(command, sizeof command, "cd %s && ", cluster.folder);

    snprintf(command + len, sizeof command - (size_t)len, format, argument);
    CHECK(system(command) == 0);
}

/*
 * Goal:   `tamga` says in its own words which end refuses, and why; what can be known before
 *         a link is said without one.
 * Method: a member with a list from before a revocation, now revoked; an expired one; one of
 *         another CA; a good one, and an auditor, whom genesis does not know.
 */
static void the_command_says_why(void)
{
    command_in_folder("cp %s/ca.crl old.crl", cluster.authority.folder);
    authority_member(&cluster.authority, "left", TAMGA_TLS_OEM, -DAY_S, YEAR_S);
    authority_revoke(&cluster.authority, "left", 0);
    CHECK(kill(cluster_find(&cluster, "node-a")->pid, SIGHUP) == 0);
    CHECK(kill(cluster_find(&cluster, "gw-1")->pid, SIGHUP) == 0);
    cluster_wait_log(&cluster, "gw-1", "certificates are read again");
    CHECK(status_with("left", &cluster.authority) == 1);
    CHECK(said("(LINK_REFUSED)") && said("peer answered: certificate revoked"));
    CHECK(status_with("late", &cluster.authority) == 1);
    CHECK(said("(LINK_EXPIRED)") && said("it is our own"));
    command_in_folder("cp %s/ca.crl old.crl", other.folder);
    CHECK(status_with("softco", &other) == 1);
    CHECK(said("(LINK_FOREIGN)") && said("it says that it is node-a"));
    command_in_folder("cp %s/ca.crl old.crl", cluster.authority.folder);
    CHECK(status_with("softco", &cluster.authority) == 0);
    authority_member(&cluster.authority, "checker", TAMGA_TLS_AUDITOR, -DAY_S, YEAR_S);
    CHECK(status_with("checker", &cluster.authority) == 0);
    CHECK(serves("node-a"));
}

/* ---- devices ------------------------------------------------------------------------------ */

struct device {
    char folder[CLUSTER_PATH_MAX];
    char name[32];
    struct tamga_private_key *key;
    struct tamga_buf bytes;         /* of its certificate */
    Tamga__V1__Signed *certificate;
    struct tamga_tls *tls;
};

static void device_open(struct device *device, const char *number)
{
    char path[CLUSTER_PATH_MAX + 32], ca[128], crl[128];
    struct tamga_tls_device own = {.ca = ca, .crl = crl,
                                   .network = cluster.network->id.hash, .name = device->name};
    FILE *file;

    cluster_enroll(&cluster, device->folder, number, "gw-1");
    snprintf(device->name, sizeof device->name, "acme/cam/%s", number);
    snprintf(ca, sizeof ca, "%s/ca.crt", cluster.authority.folder);
    snprintf(crl, sizeof crl, "%s/ca.crl", cluster.authority.folder);
    snprintf(path, sizeof path, "%s/device.pem", device->folder);
    CHECK(tamga_private_key_load(&device->key, path, NULL, NULL) == TAMGA_OK);
    snprintf(path, sizeof path, "%s/certificate.tamga", device->folder);
    file = fopen(path, "rb");
    CHECK(file != NULL && tamga_buf_reserve(&device->bytes, 8192) == TAMGA_OK);
    device->bytes.len = fread(device->bytes.data, 1, 8192, file);
    fclose(file);
    CHECK(tamga_wire_unpack((ProtobufCMessage **)&device->certificate,
                            &tamga__v1__signed__descriptor, TAMGA_WIRE_CANONICAL,
                            tamga_buf_span(&device->bytes), NULL) == TAMGA_OK);
    own.key = device->key;
    own.certificate = tamga_buf_span(&device->bytes);
    CHECK(tamga_tls_open_device(&device->tls, &own, NULL) == TAMGA_OK);
}

static void device_close(struct device *device)
{
    tamga_tls_close(device->tls);
    tamga_wire_free(&device->certificate->base);
    tamga_buf_clear(&device->bytes);
    tamga_private_key_free(device->key);
}

static struct tamga_channel *channel_of(const struct device *device, const char *to)
{
    const struct tamga_net_link link = {.tls = device->tls};
    struct tamga_channel *channel = NULL;

    CHECK(tamga_channel_open_link(&channel, cluster_find(&cluster, to)->rpc, &link, NULL) ==
          TAMGA_OK);
    return channel;
}

static ProtobufCService *service(struct tamga_reply *reply)
{
    return tamga_reply_service(reply, &tamga__v1__device_service__descriptor);
}

/* A check-in of one device over the link of whoever's channel it is. offered may be NULL. */
static enum tamga_err check_in_for(struct tamga_channel *channel, const struct device *device,
                                   uint8_t nonce_byte, bool *offered)
{
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = channel, .deadline_ms = 5000};
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;
    Tamga__V1__CheckInRequest request = TAMGA__V1__CHECK_IN_REQUEST__INIT;
    Tamga__V1__CheckInBody body = TAMGA__V1__CHECK_IN_BODY__INIT;
    Tamga__V1__DeviceId id = TAMGA__V1__DEVICE_ID__INIT;
    uint8_t nonce[16] = {nonce_byte};
    TAMGA_BUF bytes = {0};

    id.producer = (char *)(uintptr_t)"acme";
    id.model = (char *)(uintptr_t)"cam";
    id.number = (char *)(uintptr_t)(strrchr(device->name, '/') + 1);
    body.device = &id;
    body.nonce = tamga_wire_bytes(tamga_span(nonce, sizeof nonce));
    body.time_ms = 1;
    CHECK(tamga_signed_make(&bytes, NULL, &body.base, TAMGA_DOMAIN_CHECKIN,
                            &cluster.network->id, device->key) == TAMGA_OK);
    CHECK(tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL) == TAMGA_OK);
    request.check_in = message;
    request.certificate = device->certificate;
    tamga__v1__device_service__check_in(service(&reply), &request,
                                        (Tamga__V1__CheckInResponse_Closure)tamga_reply_take,
                                        &reply);
    if (reply.err == TAMGA_OK && offered != NULL)
        *offered = ((Tamga__V1__CheckInResponse *)reply.message)->newest != NULL;
    return reply.err;
}

static enum tamga_err check_in(struct tamga_channel *channel, const struct device *device,
                               uint8_t nonce_byte)
{
    return check_in_for(channel, device, nonce_byte, NULL);
}

static enum tamga_err get_block(struct tamga_channel *channel, uint8_t nonce_byte)
{
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = channel, .deadline_ms = 5000};
    Tamga__V1__GetBlockRequest request = TAMGA__V1__GET_BLOCK_REQUEST__INIT;
    uint8_t nonce[16] = {nonce_byte};

    request.cid = (char *)(uintptr_t)SOME_CID;
    request.nonce = tamga_wire_bytes(tamga_span(nonce, sizeof nonce));
    tamga__v1__device_service__get_block(service(&reply), &request,
                                         (Tamga__V1__GetBlockResponse_Closure)tamga_reply_take,
                                         &reply);
    return reply.err;
}

/* The receipt is not looked at before it is clear who speaks. */
static enum tamga_err report(struct tamga_channel *channel, const struct device *device)
{
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = channel, .deadline_ms = 5000};
    Tamga__V1__ReportRequest request = TAMGA__V1__REPORT_REQUEST__INIT;

    request.receipt = device->certificate;
    request.certificate = device->certificate;
    tamga__v1__device_service__report(service(&reply), &request,
                                      (Tamga__V1__ReportResponse_Closure)tamga_reply_take,
                                      &reply);
    return reply.err;
}

static bool offers(struct cluster *self, void *context)
{
    const struct device *device = context;
    struct tamga_channel *channel = channel_of(device, "gw-1");
    bool offered = false;
    enum tamga_err err = check_in_for(channel, device, 1, &offered);

    (void)self;
    tamga_channel_close(channel);
    return err == TAMGA_OK && offered;
}

/*
 * Goal:   a device that is linked as X checks in, reports and fetches as X alone.
 * Method: two devices' real keys; each call of the one over the link of the other, and over its
 *         own, where it gets past that check.
 */
static void devices_speak_for_themselves(struct device *one, struct device *two)
{
    struct cluster_release release = {.counter = 1, .seed = 1};
    struct tamga_channel *first = channel_of(one, "gw-1"), *second = channel_of(two, "gw-1");

    CHECK(cluster_publish(&cluster, "node-a", &release, NULL) == TAMGA_OK);
    cluster_wait(&cluster, "an offer of the gateway", 30, offers, one);
    CHECK(check_in(first, one, 1) == TAMGA_OK);
    CHECK(check_in(first, two, 2) == TAMGA_E_LINK_DEVICE);
    CHECK(check_in(second, two, 2) == TAMGA_OK);
    CHECK(report(first, two) == TAMGA_E_LINK_DEVICE);
    CHECK(report(second, two) == TAMGA_E_ID_MISMATCH); /* it is no receipt */
    CHECK(get_block(first, 2) == TAMGA_E_LINK_DEVICE);
    CHECK(get_block(second, 2) != TAMGA_E_LINK_DEVICE);
    CHECK(get_block(first, 9) != TAMGA_E_LINK_DEVICE); /* a nonce that is nobody's */
    tamga_channel_close(second);
    tamga_channel_close(first);
}

/*
 * Goal:   no device links to a consortium node; one whose OEM's certificate is not for its key
 *         does not link to a gateway either.
 * Method: a device's own certificate at node-a; one device's key with another's certificate.
 */
static void devices_are_held_at_doors(struct device *one, struct device *two)
{
    struct tamga_channel *channel = channel_of(one, "node-a");
    struct device forger = *one;
    char ca[128], crl[128];
    struct tamga_tls_device own = {.ca = ca, .crl = crl, .key = two->key, .name = one->name,
                                   .certificate = tamga_buf_span(&one->bytes),
                                   .network = cluster.network->id.hash};

    CHECK(check_in(channel, one, 3) == TAMGA_E_LINK_REFUSED);
    cluster_wait_log(&cluster, "node-a", "acme/cam/0001 is a device, and none may link here");
    tamga_channel_close(channel);
    snprintf(ca, sizeof ca, "%s/ca.crt", cluster.authority.folder);
    snprintf(crl, sizeof crl, "%s/ca.crl", cluster.authority.folder);
    CHECK(tamga_tls_open_device(&forger.tls, &own, NULL) == TAMGA_OK);
    channel = channel_of(&forger, "gw-1");
    CHECK(check_in(channel, one, 3) == TAMGA_E_LINK_REFUSED);
    cluster_wait_log(&cluster, "gw-1",
                     "acme/cam/0001 links by another key than its OEM has certified");
    tamga_channel_close(channel);
    tamga_tls_close(forger.tls);
    CHECK(serves("node-a") && serves("gw-1"));
}

static bool device_log_says(const struct device *device, const char *text)
{
    char command[1024];

    snprintf(command, sizeof command, "grep -qF -- '%s' %s/log", text, device->folder);
    return system(command) == 0;
}

/* A certificate of the CA under the device's name, for the key in its folder. */
static void certify_by_ca(const struct device *device)
{
    struct tamga_tls_issuer issuer = {.key = cluster.authority.key,
                                      .cert = tamga_buf_span(&cluster.authority.cert)};
    struct tamga_tls_identity identity = {.network = cluster.network->id.hash,
                                          .roles = TAMGA_TLS_DEVICE};
    char path[CLUSTER_PATH_MAX + 32];
    TAMGA_BUF pem = {0};
    FILE *file;

    snprintf(identity.name, sizeof identity.name, "%s", device->name);
    CHECK(tamga_tls_issue_member(&pem, &issuer, tamga_private_key_public(device->key), &identity,
                                 time(NULL) - DAY_S, time(NULL) + DAY_S) == TAMGA_OK);
    snprintf(path, sizeof path, "%s/net.crt", device->folder);
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(pem.data, 1, pem.len, file) == pem.len && fclose(file) == 0);
}

/*
 * Goal:   tamga-device runs a session by its own key, and by a certificate of the CA; it
 *         refuses a gateway of another CA, and says so.
 * Method: the program, once each; another CA's files in the place of its own.
 */
static void the_program_links_either_way(struct device *device)
{
    CHECK(cluster_run_device(&cluster, device->folder) == 0);
    certify_by_ca(device);
    command_in_folder("sed -i 's#^tls: {#&cert: net.crt, key: device.pem, #' %s/device.yaml",
                      device->folder);
    CHECK(cluster_run_device(&cluster, device->folder) == 0);
    command_in_folder("sed -i 's#cert: net.crt, key: device.pem, ##' %s/device.yaml",
                      device->folder);
    command_in_folder("sed -i.good 's#/tmp/tamga-link-[^/]*/#foreign/#g' %s/device.yaml",
                      device->folder);
    command_in_folder("mkdir device-0001/foreign && cp %s/ca.* device-0001/foreign/",
                      other.folder);
    CHECK(cluster_run_device(&cluster, device->folder) == 1);
    CHECK(device_log_says(device, "LINK_FOREIGN"));
    CHECK(device_log_says(device, "session.refused"));
    command_in_folder("mv %s/device.yaml.good device-0001/device.yaml", device->folder);
}

static bool logged(struct cluster *self, void *context)
{
    (void)self;
    return device_log_says(((void **)context)[0], ((void **)context)[1]);
}

/*
 * Goal:   a device that runs hears of a revoked gateway by SIGHUP.
 * Method: the loop; a list with gw-1 in its file; the signal.
 */
static void a_device_reads_its_list_again(struct device *device)
{
    void *session[] = {device, (void *)(uintptr_t)"session.up_to_date"};
    void *refusal[] = {device, (void *)(uintptr_t)"(LINK_REVOKED)"};
    char log[CLUSTER_PATH_MAX + 8];
    pid_t pid;

    snprintf(log, sizeof log, "%s/log", device->folder);
    CHECK(unlink(log) == 0);
    pid = cluster_start_device(&cluster, device->folder);
    cluster_wait(&cluster, "a session", 30, logged, session);
    authority_revoke(&cluster.authority, "gw-1", 0);
    CHECK(kill(pid, SIGHUP) == 0);
    cluster_wait(&cluster, "the refusal", 30, logged, refusal);
    CHECK(device_log_says(device, "certificates are read again"));
    CHECK(cluster_stop_device(pid) == 0);
}

int main(void)
{
    struct device one = {0}, two = {0};

    cluster_open_tls(&cluster, 2, 1);
    cluster_start_all(&cluster);
    authority_open(&other, 0);
    other.network = cluster.network->id.hash;
    authority_member(&other, "softco", TAMGA_TLS_PROVIDER, -DAY_S, YEAR_S);
    strangers_are_told_why();
    the_command_says_why();
    device_open(&one, "0001");
    device_open(&two, "0002");
    devices_speak_for_themselves(&one, &two);
    devices_are_held_at_doors(&one, &two);
    the_program_links_either_way(&one);
    a_device_reads_its_list_again(&one);
    device_close(&two);
    device_close(&one);
    authority_close(&other);
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
