/* Real processes for integration tests. Knows no scenario. */
#include "cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "content/dag.h"
#include "crypto/hash.h"
#include "tamga/v1/chain_service.pb-c.h"
#include "tamga/v1/consortium_service.pb-c.h"
#include "tamga/v1/content_service.pb-c.h"
#include "tamga/v1/rpc.pb-c.h"

#define LOG_BYTES_MAX (4u << 20)
#define LOW_PORT_MIN  10000u
#define LOW_PORTS     22000u

static struct cluster *current; /* for cluster_fail */

static void kill_all(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->count; i++) {
        struct cluster_process *process = &cluster->process[i];

        if (process->pid <= 0)
            continue;
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
        process->pid = 0;
    }
}

static void show_log_end(const struct cluster_process *process)
{
    char path[CLUSTER_PATH_MAX + 8], tail[2048];
    FILE *file;
    size_t got;

    snprintf(path, sizeof path, "%s/log", process->folder);
    file = fopen(path, "r");
    if (file == NULL)
        return;
    if (fseek(file, -(long)sizeof tail, SEEK_END) != 0)
        rewind(file);
    got = fread(tail, 1, sizeof tail, file);
    fclose(file);
    fprintf(stderr, "--- %s\n%.*s\n", path, (int)got, tail);
}

void cluster_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    if (current != NULL) {
        kill_all(current);
        for (size_t i = 0; i < current->count; i++)
            show_log_end(&current->process[i]);
        fprintf(stderr, "everything is left in %s\n", current->folder);
    }
    exit(1);
}

/* ---- time -------------------------------------------------------------------------- */

static uint64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void cluster_wait(struct cluster *cluster, const char *what, unsigned seconds,
                  cluster_condition condition, void *context)
{
    uint64_t until = monotonic_ms() + seconds * 1000ull;

    while (!condition(cluster, context)) {
        if (monotonic_ms() >= until)
            cluster_fail("cluster_wait", (int)seconds, what);
        (void)poll(NULL, 0, 20); /* between two questions to other processes */
    }
}

/* ---- files -------------------------------------------------------------------------- */

static void write_file(const char *folder, const char *name, struct tamga_span bytes)
{
    char path[CLUSTER_PATH_MAX + 64];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(fwrite(bytes.data, 1, bytes.len, file) == bytes.len);
    CHECK(fclose(file) == 0);
}

/* A free port below those that the kernel gives to whoever connects: between our looking
 * and the daemon's listening, connections of other tests take many of these. */
static uint16_t bind_low(int fd)
{
    static unsigned tried;

    for (unsigned i = 0; i < LOW_PORTS; i++) {
        unsigned port = LOW_PORT_MIN + ((unsigned)getpid() * 101 + tried++) % LOW_PORTS;
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
            return (uint16_t)port;
    }
    CHECK(!"a free port");
    return 0;
}

/* Held together so that they differ. */
static void free_ports(char addr[][64], size_t count, const char *scheme)
{
    int fd[2 * CLUSTER_PROCESSES_MAX];

    for (size_t i = 0; i < count; i++) {
        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(fd[i] >= 0);
        snprintf(addr[i], 64, "%s://127.0.0.1:%u", scheme, bind_low(fd[i]));
    }
    for (size_t i = 0; i < count; i++)
        close(fd[i]);
}

static void make_network(struct cluster *cluster)
{
    TAMGA_BUF bytes = {0};
    Tamga__V1__Genesis *genesis = test_genesis();

    genesis->time_ms = wall_ms() - 1000;
    genesis->consortium->target_limit = genesis->gateway->target_limit = 0x1f7fffff;
    genesis->consortium->block_wait_ms = genesis->gateway->block_wait_ms = 200;
    CHECK(tamga_wire_pack(&bytes, &genesis->base) == TAMGA_OK);
    tamga_wire_free(&genesis->base);
    CHECK(tamga_network_decode(&cluster->network, tamga_buf_span(&bytes), NULL) == TAMGA_OK);
    CHECK(tamga_chain_init(&cluster->consortium, &tamga_rules_consortium, cluster->network) ==
          TAMGA_OK);
    CHECK(tamga_chain_init(&cluster->gateway, &tamga_rules_gateway, cluster->network) ==
          TAMGA_OK);
}

static void add_process(struct cluster *cluster, const char *name, bool gateway)
{
    struct cluster_process *process = &cluster->process[cluster->count++];
    char path[CLUSTER_PATH_MAX + 16], folder[CLUSTER_PATH_MAX];

    snprintf(process->name, sizeof process->name, "%s", name);
    process->gateway = gateway;
    snprintf(folder, sizeof folder, "%.400s/%s", cluster->folder, name);
    memcpy(process->folder, folder, sizeof folder);
    CHECK(mkdir(process->folder, 0700) == 0);
    write_file(process->folder, "genesis.tamga", tamga_buf_span(&cluster->network->bytes));
    snprintf(path, sizeof path, "%s/key.pem", process->folder);
    CHECK(tamga_private_key_save(test_key(name), path, NULL, NULL) == TAMGA_OK);
}

/* A year for everybody; the test itself links as softco. */
static void make_certificates(struct cluster *cluster)
{
    const int64_t year_s = 365 * AUTHORITY_DAY_S;

    authority_open(&cluster->authority, 0);
    cluster->authority.network = cluster->network->id.hash;
    for (size_t i = 0; i < cluster->count; i++)
        authority_member(&cluster->authority, cluster->process[i].name,
                         cluster->process[i].gateway ? TAMGA_TLS_GATEWAY : TAMGA_TLS_CONSORTIUM,
                         -AUTHORITY_DAY_S, year_s);
    authority_member(&cluster->authority, "acme", TAMGA_TLS_OEM, -AUTHORITY_DAY_S, year_s);
    authority_member(&cluster->authority, "softco", TAMGA_TLS_PROVIDER, -AUTHORITY_DAY_S, year_s);
    cluster->link.tls = authority_tls(&cluster->authority, "softco");
}

static void open_with(struct cluster *cluster, size_t nodes, size_t gateways, bool tls)
{
    static const char *const node[] = {"node-a", "node-b", "node-c", "node-d"};
    static const char *const gateway[] = {"gw-1", "gw-2"};
    char addr[2 * CLUSTER_PROCESSES_MAX][64];

    signal(SIGPIPE, SIG_IGN);
    *cluster = (struct cluster){.folder = "/tmp/tamga-test-XXXXXX", .tls = tls};
    current = cluster;
    CHECK(mkdtemp(cluster->folder) != NULL);
    make_network(cluster);
    for (size_t i = 0; i < nodes; i++)
        add_process(cluster, node[i], false);
    for (size_t i = 0; i < gateways; i++)
        add_process(cluster, gateway[i], true);
    if (tls)
        make_certificates(cluster);
    free_ports(addr, 2 * cluster->count, tls ? "tls+tcp" : "tcp");
    for (size_t i = 0; i < cluster->count; i++) {
        memcpy(cluster->process[i].rpc, addr[2 * i], 64);
        memcpy(cluster->process[i].gossip, addr[2 * i + 1], 64);
    }
    for (size_t i = 0; i < cluster->count; i++)
        cluster_configure(cluster, cluster->process[i].name, "*");
}

void cluster_open(struct cluster *cluster, size_t nodes, size_t gateways)
{
    open_with(cluster, nodes, gateways, false);
}

void cluster_open_tls(struct cluster *cluster, size_t nodes, size_t gateways)
{
    open_with(cluster, nodes, gateways, true);
}

static void remove_tree(const char *folder)
{
    pid_t pid = fork();

    if (pid == 0) {
        execlp("rm", "rm", "-rf", folder, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

void cluster_close(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->count; i++) {
        tamga_channel_close(cluster->process[i].channel);
        cluster->process[i].channel = NULL;
        if (cluster->process[i].pid > 0)
            CHECK(cluster_stop(cluster, cluster->process[i].name, SIGTERM) == 0);
    }
    tamga_tls_close(cluster->link.tls);
    if (cluster->tls)
        authority_close(&cluster->authority);
    tamga_network_free(cluster->network);
    if (getenv("TAMGA_TEST_KEEP") == NULL) /* set it to read the logs of a good run */
        remove_tree(cluster->folder);
    current = NULL;
}

struct cluster_process *cluster_find(struct cluster *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->count; i++)
        if (strcmp(cluster->process[i].name, name) == 0)
            return &cluster->process[i];
    cluster_fail("cluster_find", 0, name);
}

/* Is the name one of a comma separated list? */
static bool named(const char *list, const char *name)
{
    size_t len = strlen(name);

    if (strcmp(list, "*") == 0)
        return true;
    for (const char *at = strstr(list, name); at != NULL; at = strstr(at + 1, name))
        if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
            return true;
    return false;
}

static int list_peers(char *out, size_t size, const struct cluster *cluster,
                      const struct cluster_process *self, bool gateways, const char *names)
{
    int len = 0;

    for (size_t i = 0; i < cluster->count; i++) {
        const struct cluster_process *peer = &cluster->process[i];

        if (peer != self && peer->gateway == gateways && named(names, peer->name))
            len += snprintf(out + len, size - (size_t)len, "  - {rpc: \"%s\", gossip: \"%s\"}\n",
                            peer->rpc, peer->gossip);
    }
    return len;
}

/* What a configuration says of its links. */
static int say_links(char *out, size_t size, const struct cluster *cluster, const char *name)
{
    const char *folder = cluster->authority.folder;

    if (!cluster->tls)
        return snprintf(out, size, "insecure: true\n");
    return snprintf(out, size,
                    "tls: {ca: %s/ca.crt, crl: %s/ca.crl, cert: %s/%s.crt, key: %s/%s.key}\n",
                    folder, folder, folder, name, folder, name);
}

void cluster_configure(struct cluster *cluster, const char *name, const char *peers)
{
    struct cluster_process *process = cluster_find(cluster, name);
    char peer_list[2048] = "", followed[2048] = "", text[8192];
    int len;

    list_peers(peer_list, sizeof peer_list, cluster, process, process->gateway, peers);
    len = snprintf(text, sizeof text,
                   "name: %s\ngenesis: genesis.tamga\nkey: key.pem\ndata: data\n"
                   "rpc: \"%s\"\ngossip: \"%s\"\nlog_level: debug\n",
                   name, process->rpc, process->gossip);
    if (tamga_network_named(cluster->network, name) == NULL)
        len += snprintf(text + len, sizeof text - (size_t)len, "joined: true\n");
    len += say_links(text + len, sizeof text - (size_t)len, cluster, name);
    if (peer_list[0] != '\0')
        len += snprintf(text + len, sizeof text - (size_t)len, "peers:\n%s", peer_list);
    if (process->gateway) {
        list_peers(followed, sizeof followed, cluster, process, false, "*");
        len += snprintf(text + len, sizeof text - (size_t)len, "consortium:\n%s", followed);
    }
    write_file(process->folder, "config.yaml", tamga_span(text, (size_t)len));
}

/* ---- processes ---------------------------------------------------------------------- */

/* A child that dies with us and writes its standard error to a log. */
static pid_t spawn(const char *program, const char *config, const char *option,
                   const char *log)
{
    pid_t parent = getpid(), pid = fork();

    CHECK(pid >= 0);
    if (pid != 0)
        return pid;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd < 0 || getppid() != parent)
        _exit(126);
    dup2(fd, STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    setenv("TAMGA_DEBUGGABLE", "1", 1); /* tests count descriptors, and need not be root */
    execl(program, program, "--config", config, option, (char *)NULL);
    _exit(127);
}

static bool healthy(struct cluster *cluster, void *context)
{
    struct cluster_process *process = context;
    Tamga__V1__HealthCheckRequest request = TAMGA__V1__HEALTH_CHECK_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = process->channel,
                                                                 .deadline_ms = 500};

    (void)cluster;
    tamga__v1__health_service__check(
        tamga_reply_service(&reply, &tamga__v1__health_service__descriptor), &request,
        (Tamga__V1__HealthCheckResponse_Closure)tamga_reply_take, &reply);
    return reply.err == TAMGA_OK &&
           ((Tamga__V1__HealthCheckResponse *)reply.message)->status ==
               TAMGA__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
}

static void launch(struct cluster *cluster, struct cluster_process *process)
{
    char config[CLUSTER_PATH_MAX + 16], log[CLUSTER_PATH_MAX + 16];

    CHECK(process->pid == 0);
    snprintf(config, sizeof config, "%s/config.yaml", process->folder);
    snprintf(log, sizeof log, "%s/log", process->folder);
    process->pid = spawn(process->gateway ? TAMGA_GATEWAY_PROGRAM : TAMGA_CONSORTIUM_PROGRAM,
                         config, NULL, log);
    if (process->channel == NULL)
        CHECK(tamga_channel_open_link(&process->channel, process->rpc, &cluster->link, NULL) ==
              TAMGA_OK);
}

void cluster_start(struct cluster *cluster, const char *name)
{
    struct cluster_process *process = cluster_find(cluster, name);

    launch(cluster, process);
    cluster_wait(cluster, name, 30, healthy, process);
}

void cluster_start_all(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->count; i++)
        launch(cluster, &cluster->process[i]);
    for (size_t i = 0; i < cluster->count; i++)
        cluster_wait(cluster, cluster->process[i].name, 30, healthy, &cluster->process[i]);
}

static int reap(pid_t pid)
{
    int status = 0;

    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int cluster_stop(struct cluster *cluster, const char *name, int signal_number)
{
    struct cluster_process *process = cluster_find(cluster, name);
    pid_t pid = process->pid;

    CHECK(pid > 0 && kill(pid, signal_number) == 0);
    process->pid = 0;
    return reap(pid);
}

bool cluster_log_says(struct cluster *cluster, const char *name, const char *text)
{
    char path[CLUSTER_PATH_MAX + 8];
    TAMGA_BUF log = {0};
    FILE *file;

    snprintf(path, sizeof path, "%s/log", cluster_find(cluster, name)->folder);
    file = fopen(path, "r");
    CHECK(file != NULL && tamga_buf_reserve(&log, LOG_BYTES_MAX) == TAMGA_OK);
    log.len = fread(log.data, 1, LOG_BYTES_MAX, file);
    fclose(file);
    return log.len > 0 && memmem(log.data, log.len, text, strlen(text)) != NULL;
}

struct wanted_log {
    const char *name, *text;
};

static bool log_has(struct cluster *cluster, void *context)
{
    const struct wanted_log *wanted = context;

    return cluster_log_says(cluster, wanted->name, wanted->text);
}

void cluster_wait_log(struct cluster *cluster, const char *name, const char *text)
{
    struct wanted_log wanted = {name, text};

    cluster_wait(cluster, text, 20, log_has, &wanted);
}

/* ---- questions ---------------------------------------------------------------------- */

#define CHAIN_REPLY(name, process)                                                       \
    TAMGA_CLEANUP(tamga_reply_clear)                                                     \
    struct tamga_reply name = {.channel = (process)->channel, .deadline_ms = 2000}

static ProtobufCService *chain_service(struct tamga_reply *reply)
{
    return tamga_reply_service(reply, &tamga__v1__chain_service__descriptor);
}

bool cluster_status(struct cluster *cluster, const char *name, const struct tamga_chain *chain,
                    uint64_t *height, struct tamga_block_id *tip)
{
    CHAIN_REPLY(reply, cluster_find(cluster, name));
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;
    Tamga__V1__StatusBody *body = NULL;
    struct tamga_hash id;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    tamga__v1__chain_service__get_status(
        chain_service(&reply), &request,
        (Tamga__V1__GetStatusResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK)
        return false;
    CHECK(tamga_signed_open(&id, (ProtobufCMessage **)&body,
                            ((Tamga__V1__GetStatusResponse *)reply.message)->status,
                            TAMGA_DOMAIN_STATUS, &chain->id,
                            &tamga__v1__status_body__descriptor, NULL) == TAMGA_OK);
    *height = body->height;
    CHECK(tamga_hash_from(&tip->hash, tamga_wire_span(body->tip)) == TAMGA_OK);
    tamga_wire_free(&body->base);
    return true;
}

bool cluster_agree(struct cluster *cluster, const char *names, const struct tamga_chain *chain,
                   uint64_t height_min)
{
    struct tamga_block_id first = {0};
    bool have_first = false;

    for (size_t i = 0; i < cluster->count; i++) {
        struct tamga_block_id tip;
        uint64_t height;

        if (!named(names, cluster->process[i].name))
            continue;
        if (!cluster_status(cluster, cluster->process[i].name, chain, &height, &tip) ||
            height < height_min ||
            (have_first && !tamga_hash_equal(&first.hash, &tip.hash)))
            return false;
        first = tip;
        have_first = true;
    }
    return have_first;
}

struct agreement {
    const char *names;
    const struct tamga_chain *chain;
    uint64_t height_min;
};

static bool agreed(struct cluster *cluster, void *context)
{
    const struct agreement *agreement = context;

    return cluster_agree(cluster, agreement->names, agreement->chain, agreement->height_min);
}

void cluster_wait_agree(struct cluster *cluster, const char *names,
                        const struct tamga_chain *chain, uint64_t height_min,
                        unsigned seconds)
{
    struct agreement agreement = {names, chain, height_min};

    cluster_wait(cluster, names, seconds, agreed, &agreement);
}

static bool find_entry(struct cluster *cluster, const char *name,
                       const struct tamga_chain *chain, const struct tamga_entry_id *id,
                       bool *pending)
{
    CHAIN_REPLY(reply, cluster_find(cluster, name));
    Tamga__V1__GetInclusionRequest request = TAMGA__V1__GET_INCLUSION_REQUEST__INIT;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->id.hash));
    request.id = tamga_wire_bytes(tamga_hash_span(&id->hash));
    tamga__v1__chain_service__get_inclusion(
        chain_service(&reply), &request,
        (Tamga__V1__GetInclusionResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK)
        return false;
    *pending = ((Tamga__V1__GetInclusionResponse *)reply.message)->pending;
    return true;
}

bool cluster_included(struct cluster *cluster, const char *name,
                      const struct tamga_chain *chain, const struct tamga_entry_id *id)
{
    bool pending;

    return find_entry(cluster, name, chain, id, &pending) && !pending;
}

bool cluster_known(struct cluster *cluster, const char *name, const struct tamga_chain *chain,
                   const struct tamga_entry_id *id)
{
    bool pending;

    return find_entry(cluster, name, chain, id, &pending);
}

/* ---- publishing ---------------------------------------------------------------------- */

void cluster_image(struct tamga_buf *out, uint64_t seed, size_t bytes)
{
    out->len = 0;
    CHECK(tamga_buf_reserve(out, bytes) == TAMGA_OK);
    for (; out->len < bytes; out->len++) { /* an LCG: the same on every machine */
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        out->data[out->len] = (uint8_t)(seed >> 56);
    }
}

void cluster_write_image(const struct cluster *cluster, struct tamga_buf *out, size_t bytes,
                         const char *canary)
{
    size_t len = strlen(canary);
    char path[CLUSTER_PATH_MAX + 32];
    FILE *file;

    cluster_image(out, 7, bytes);
    for (size_t at = 0; at + len < out->len; at += 5000)
        memcpy(out->data + at, canary, len);
    snprintf(path, sizeof path, "%s/image.bin", cluster->folder);
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(out->data, 1, out->len, file) == out->len);
    CHECK(fclose(file) == 0);
}

static enum tamga_err put_block(void *context, const struct tamga_cid *cid,
                                struct tamga_span block)
{
    CHAIN_REPLY(reply, (struct cluster_process *)context);
    Tamga__V1__PutContentRequest request = TAMGA__V1__PUT_CONTENT_REQUEST__INIT;
    char text[TAMGA_CID_TEXT_MAX];

    tamga_cid_format(text, cid);
    request.cid = text;
    request.block = tamga_wire_bytes(block);
    tamga__v1__content_service__put(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__PutContentResponse_Closure)tamga_reply_take, &reply);
    return reply.err;
}

enum tamga_err cluster_submit(struct cluster *cluster, const char *node,
                              const struct tamga_buf *payload, struct tamga_detail *detail)
{
    CHAIN_REPLY(reply, cluster_find(cluster, node));
    Tamga__V1__SubmitTransactionRequest request =
        TAMGA__V1__SUBMIT_TRANSACTION_REQUEST__INIT;
    ProtobufCMessage *message = NULL;

    CHECK(tamga_wire_unpack(&message, &tamga__v1__signed__descriptor, TAMGA_WIRE_LOOSE,
                            tamga_buf_span(payload), NULL) == TAMGA_OK);
    request.transaction = (Tamga__V1__Signed *)message;
    tamga__v1__consortium_service__submit_transaction(
        tamga_reply_service(&reply, &tamga__v1__consortium_service__descriptor), &request,
        (Tamga__V1__SubmitTransactionResponse_Closure)tamga_reply_take, &reply);
    tamga_wire_free(message);
    if (detail != NULL)
        *detail = reply.detail;
    return reply.err;
}

static void forge(struct tamga_buf *payload, void (*change)(Tamga__V1__Signed *message))
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Signed *message = NULL;

    CHECK(tamga_wire_unpack((ProtobufCMessage **)&message, &tamga__v1__signed__descriptor,
                            TAMGA_WIRE_LOOSE, tamga_buf_span(payload), NULL) == TAMGA_OK);
    change(message);
    payload->len = 0;
    CHECK(tamga_wire_pack(payload, &message->base) == TAMGA_OK);
}

enum tamga_err cluster_publish(struct cluster *cluster, const char *node,
                               const struct cluster_release *release,
                               struct tamga_entry_id *id)
{
    struct cluster_process *process = cluster_find(cluster, node);
    const char *sender = release->sender == NULL ? "acme" : release->sender;
    const struct tamga_private_key *key = test_key(sender);
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__PublicKey wire_key = tamga_wire_key_of(tamga_private_key_public(key));
    Tamga__V1__Release message = TAMGA__V1__RELEASE__INIT;
    struct tamga_dag_builder *builder;
    TAMGA_BUF image = {0};
    TAMGA_BUF payload = {0};
    char cid_text[TAMGA_CID_TEXT_MAX], version[32];
    struct tamga_address address;
    struct tamga_hash sha256, made;
    struct tamga_cid root;
    enum tamga_err err;

    if (release->image != NULL)
        CHECK(tamga_buf_set(&image, tamga_buf_span(release->image)) == TAMGA_OK);
    else
        cluster_image(&image, release->seed, release->bytes == 0 ? 1000 : release->bytes);
    CHECK(tamga_dag_builder_new(&builder, &tamga_dag_default,
                                release->skip_content ? NULL : put_block,
                                process) == TAMGA_OK);
    err = tamga_dag_builder_add(builder, tamga_buf_span(&image));
    if (err == TAMGA_OK)
        err = tamga_dag_builder_finish(builder, &root);
    tamga_dag_builder_free(builder);
    if (err != TAMGA_OK)
        return err;
    tamga_sha256(&sha256, tamga_buf_span(&image));
    tamga_cid_format(cid_text, &root);
    snprintf(version, sizeof version, "1.%llu", (unsigned long long)release->counter);
    tamga_public_key_address(tamga_private_key_public(key), &address);
    message.producer = (char *)(uintptr_t)"acme";
    message.model = (char *)(uintptr_t)(release->model == NULL ? "cam" : release->model);
    message.version = version;
    message.counter = release->counter;
    message.cid = cid_text;
    message.image_sha256 = tamga_wire_bytes(tamga_hash_span(&sha256));
    message.image_bytes = image.len;
    body.sender = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body.key = &wire_key;
    body.time_ms = wall_ms();
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_RELEASE;
    body.release = &message;
    if (release->change != NULL)
        release->change(&body);
    CHECK(tamga_signed_make(&payload, &made, &body.base, TAMGA_DOMAIN_TRANSACTION,
                            &cluster->consortium.id, key) == TAMGA_OK);
    if (release->forge != NULL)
        forge(&payload, release->forge);
    if (id != NULL)
        id->hash = made;
    return cluster_submit(cluster, node, &payload, release->detail);
}

/* ---- devices ------------------------------------------------------------------------- */

static void write_certificate(struct cluster *cluster, const char *folder, const char *number,
                              const struct tamga_private_key *device_key)
{
    const struct tamga_private_key *issuer = test_key("acme");
    Tamga__V1__CertificateBody body = TAMGA__V1__CERTIFICATE_BODY__INIT;
    Tamga__V1__DeviceId device = TAMGA__V1__DEVICE_ID__INIT;
    Tamga__V1__PublicKey key = tamga_wire_key_of(tamga_private_key_public(device_key));
    Tamga__V1__PublicKey issuer_key = tamga_wire_key_of(tamga_private_key_public(issuer));
    TAMGA_BUF bytes = {0};
    struct tamga_address address;

    tamga_public_key_address(tamga_private_key_public(issuer), &address);
    device.producer = (char *)(uintptr_t)"acme";
    device.model = (char *)(uintptr_t)"cam";
    device.number = (char *)(uintptr_t)number;
    body.device = &device;
    body.key = &key;
    body.issuer = tamga_wire_bytes(tamga_hash_span(&address.hash));
    body.issuer_key = &issuer_key;
    body.issued_ms = wall_ms();
    CHECK(tamga_signed_make(&bytes, NULL, &body.base, TAMGA_DOMAIN_CERTIFICATE,
                            &cluster->network->id, issuer) == TAMGA_OK);
    write_file(folder, "certificate.tamga", tamga_buf_span(&bytes));
}

static int list_gateways(char *out, size_t size, struct cluster *cluster, const char *names)
{
    int len = 0;

    for (size_t i = 0; i < cluster->count; i++)
        if (cluster->process[i].gateway && named(names, cluster->process[i].name))
            len += snprintf(out + len, size - (size_t)len, "  - \"%s\"\n",
                            cluster->process[i].rpc);
    return len;
}

void cluster_enroll(struct cluster *cluster, char folder[CLUSTER_PATH_MAX], const char *number,
                    const char *gateways)
{
    struct tamga_private_key *key;
    char path[CLUSTER_PATH_MAX + 16], text[2048], links[256] = "insecure: true";
    int len;

    snprintf(folder, CLUSTER_PATH_MAX, "%.400s/device-%s", cluster->folder, number);
    CHECK(mkdir(folder, 0700) == 0);
    CHECK(tamga_private_key_generate(&key, TAMGA_KEY_P256) == TAMGA_OK);
    snprintf(path, sizeof path, "%s/device.pem", folder);
    CHECK(tamga_private_key_save(key, path, NULL, NULL) == TAMGA_OK);
    write_certificate(cluster, folder, number, key);
    tamga_private_key_free(key);
    write_file(folder, "genesis.tamga", tamga_buf_span(&cluster->network->bytes));
    if (cluster->tls)
        snprintf(links, sizeof links, "tls: {ca: %s/ca.crt, crl: %s/ca.crl}",
                 cluster->authority.folder, cluster->authority.folder);
    len = snprintf(text, sizeof text,
                   "device: acme/cam/%s\ngenesis: genesis.tamga\nkey: device.pem\n"
                   "certificate: certificate.tamga\nstate: state\nroot: .\n"
                   "interval_seconds: 1\nlog_level: debug\n%s\ngateways:\n",
                   number, links);
    len += list_gateways(text + len, sizeof text - (size_t)len, cluster, gateways);
    write_file(folder, "device.yaml", tamga_span(text, (size_t)len));
}

static pid_t start_device(const char *folder, const char *option)
{
    char config[CLUSTER_PATH_MAX + 16], log[CLUSTER_PATH_MAX + 16];

    snprintf(config, sizeof config, "%s/device.yaml", folder);
    snprintf(log, sizeof log, "%s/log", folder);
    return spawn(TAMGA_DEVICE_PROGRAM, config, option, log);
}

pid_t cluster_start_device(struct cluster *cluster, const char *folder)
{
    (void)cluster;
    return start_device(folder, NULL);
}

int cluster_stop_device(pid_t pid)
{
    CHECK(kill(pid, SIGTERM) == 0);
    return reap(pid);
}

int cluster_run_device(struct cluster *cluster, const char *folder)
{
    (void)cluster;
    return reap(start_device(folder, "--once"));
}

int cluster_kill_device(struct cluster *cluster, const char *folder, unsigned wait_ms)
{
    pid_t pid = start_device(folder, "--once");
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};

    (void)cluster;
    CHECK(fd >= 0);
    if (poll(&ended, 1, (int)wait_ms) == 0)
        kill(pid, SIGKILL);
    close(fd);
    return reap(pid);
}

bool cluster_device_runs(const char *folder, const struct tamga_buf *image)
{
    char path[CLUSTER_PATH_MAX + 16];
    TAMGA_BUF bytes = {0};
    FILE *file;

    snprintf(path, sizeof path, "%s/current", folder);
    file = fopen(path, "rb");
    if (file == NULL)
        return false;
    CHECK(tamga_buf_reserve(&bytes, image->len + 1) == TAMGA_OK);
    bytes.len = fread(bytes.data, 1, image->len + 1, file);
    fclose(file);
    return tamga_span_equal(tamga_buf_span(&bytes), tamga_buf_span(image));
}
