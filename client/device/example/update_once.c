/*
 * The smallest program that keeps a device up to date: one session, and what came of it.
 *
 *   update-once FOLDER P/M/N tls+tcp://GATEWAY:PORT
 *
 * FOLDER is what `tamga device enroll` made.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <tamga/device.h>

#define PATH_BYTES 512

static uint64_t now_ms(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum tamga_err random_bytes(void *context, uint8_t *out, size_t len)
{
    (void)context;
    return getrandom(out, len, 0) == (ssize_t)len ? TAMGA_OK : TAMGA_E_SYSTEM;
}

static void print_event(void *context, bool warning, const char *event, const char *text)
{
    (void)context;
    fprintf(stderr, "%s%s: %s\n", warning ? "! " : "  ", event, text);
}

static const char *in_folder(char out[PATH_BYTES], const char *folder, const char *name)
{
    snprintf(out, PATH_BYTES, "%s/%s", folder, name);
    return out;
}

static int complain(enum tamga_err err, const struct tamga_detail *detail)
{
    fprintf(stderr, "%s (%s)\n%s\n", tamga_err_text(err), tamga_err_name(err), detail->text);
    return 1;
}

int main(int argc, char **argv)
{
    char genesis[PATH_BYTES], key[PATH_BYTES], certificate[PATH_BYTES], state[PATH_BYTES];
    char ca[PATH_BYTES], crl[PATH_BYTES];
    struct tamga_device_env env = {
        .now_ms = now_ms, .random = random_bytes, .event = print_event};
    struct tamga_device_options options = {0};
    struct tamga_device_result result;
    struct tamga_detail detail = {""};
    struct tamga_device *device;
    enum tamga_err err;

    if (argc != 4) {
        fprintf(stderr, "usage: %s FOLDER P/M/N tls+tcp://GATEWAY:PORT\n", argv[0]);
        return 2;
    }
    options.device = argv[2];
    options.genesis = in_folder(genesis, argv[1], "genesis.tamga");
    options.key = in_folder(key, argv[1], "device.pem");
    options.certificate = in_folder(certificate, argv[1], "certificate.tamga");
    options.state = in_folder(state, argv[1], "state");
    options.root = argv[1];
    if (strncmp(argv[3], "tls+", 4) == 0) { /* the device shows its own key */
        options.tls.ca = in_folder(ca, argv[1], "ca.crt");
        options.tls.crl = in_folder(crl, argv[1], "ca.crl");
    }
    err = tamga_device_open(&device, &options, &env, &detail);
    if (err != TAMGA_OK)
        return complain(err, &detail);
    err = tamga_device_session(device, argv[3], &result, &detail);
    tamga_device_close(device);
    if (err != TAMGA_OK)
        return complain(err, &detail);
    puts(result.outcome == TAMGA_DEVICE_INSTALLED ? result.version : "up to date");
    return 0;
}
