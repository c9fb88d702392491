/*
 * libtamga-device: what a device does about its own updates. It asks one gateway at a
 * time, believes none of them, installs into one of two slots, and signs a receipt for
 * whatever it did.
 *
 * The library starts no thread, reads no clock, draws no random number by itself and
 * prints nothing: all of that comes in with the environment. What it keeps is in the
 * state folder and the root folder, and is whole after a crash or a power loss at any
 * moment: the next open finishes or undoes what was under way.
 *
 *   ROOT/slot-a, ROOT/slot-b   images
 *   ROOT/slot-a.part           an image that is being downloaded
 *   ROOT/current               symbolic link to the slot in use
 *   STATE/device.state         counters, newest checkpoint accepted, receipts not
 *                              delivered yet, install in progress
 *   STATE/enrolled             empty; says that there was a device.state
 */
#ifndef TAMGA_DEVICE_H
#define TAMGA_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TAMGA_DEVICE_VERSION_MAX 64

struct tamga_device;

/* Everything the library needs from outside; copied by open, context is borrowed. */
struct tamga_device_env {
    void *context;
    uint64_t (*now_ms)(void *context); /* since 1970-01-01 UTC */
    enum tamga_err (*random)(void *context, uint8_t *out, size_t len);
    /* Asked before every call to a gateway; true ends the session with STOPPING.
     * May be NULL. */
    bool (*stopping)(void *context);
    /* One event, e.g. "install.confirmed", with a sentence. May be NULL. */
    void (*event)(void *context, bool warning, const char *event, const char *text);
};

/* Files for tls+tcp:// gateways. All NULL: plain tcp:// only. */
struct tamga_device_tls {
    const char *ca;   /* the network's CA: whom a gateway's certificate has to come from */
    const char *crl;  /* what the CA has revoked */
    const char *cert; /* a certificate of that CA, and its key; both NULL: the device shows */
    const char *key;  /* its own key, with the certificate of its OEM */
};

/* Texts are copied by open. Numbers: 0 takes the default. */
struct tamga_device_options {
    const char *device;      /* P/M/N */
    const char *genesis;     /* file: the trust root */
    const char *key;         /* file, PEM */
    const char *passphrase;  /* of the key; NULL: not encrypted */
    const char *certificate; /* file: encoded Signed CertificateBody */
    const char *state;       /* folder, made if absent; one device at a time */
    const char *root;        /* folder of the slots, made if absent */
    bool blank;              /* runs nothing yet: takes only a first install */
    uint32_t call_ms;        /* time for one call; 10,000 */
    const char *decryption_key; /* file, PEM, X25519, of sealed images; with the same passphrase
                                   if it is encrypted. NULL: only images that are not sealed */
    struct tamga_device_tls tls;
};

enum tamga_device_outcome {
    TAMGA_DEVICE_UP_TO_DATE, /* nothing newer is on offer */
    TAMGA_DEVICE_INSTALLED,  /* and confirmed */
    TAMGA_DEVICE_REFUSED,    /* the offer, or the gateway that made it */
    TAMGA_DEVICE_FAILED,     /* a good offer could not be carried out */
    TAMGA_DEVICE_LATER,      /* gateway not reached, or cut short */
};

struct tamga_device_result {
    enum tamga_device_outcome outcome;
    bool has_release;
    uint8_t release[32]; /* transaction id of what was offered */
    char version[TAMGA_DEVICE_VERSION_MAX + 1];
    uint64_t counter;
    size_t receipts_waiting; /* not acknowledged by any gateway yet */
};

struct tamga_device_status {
    char version[TAMGA_DEVICE_VERSION_MAX + 1]; /* installed; empty: factory image or none */
    uint64_t counter;                           /* of the installed release, or 0 */
    uint8_t release[32];
    uint64_t receipt_counter;
    size_t receipts_waiting;
    uint64_t checkpoint_height; /* of the consortium chain, the newest accepted; 0: none */
    uint64_t checkpoint_ms;     /* its block's time */
};

/*
 * Load identity and state; finish or undo an install that was cut short.
 *
 * Owns:    *out is the caller's, tamga_device_close.
 * Errors:  FILE_IO (also when another process has the state folder), KEY_FILE, LINK_ codes
 *          of certificates that no gateway would take, USAGE (cert without key),
 *          BAD_CERTIFICATE and the codes of a certificate or genesis that does not
 *          verify, STORE_CORRUPT, STORE_FOREIGN, NO_MEMORY. Damage is never repaired
 *          silently: the detail says what to do.
 */
TAMGA_MUST_USE enum tamga_err tamga_device_open(struct tamga_device **out,
                                                const struct tamga_device_options *options,
                                                const struct tamga_device_env *env,
                                                struct tamga_detail *detail);
void tamga_device_close(struct tamga_device *device);

/* Read the files of tls again, for later sessions. After an error all is as it was.
 * Errors: as open. Threads: any. */
TAMGA_MUST_USE enum tamga_err tamga_device_reload(struct tamga_device *device,
                                                  struct tamga_detail *detail);

/*
 * One session with one gateway, tls+tcp:// or tcp://host:port: deliver receipts that wait,
 * check in, verify what is offered, install it, confirm, report.
 *
 * Outputs: result always.
 * Errors:  OK: up to date, or installed. Reject class: the offer or the gateway was
 *          refused, or refuses us (LINK_ codes), or an image could not be had or
 *          installed; result says which.
 *          Later class: try this or another gateway again; a download goes on where it
 *          stopped. Local class: this device's disk or memory.
 * Threads: one at a time for a device.
 */
TAMGA_MUST_USE enum tamga_err tamga_device_session(struct tamga_device *device,
                                                   const char *gateway,
                                                   struct tamga_device_result *result,
                                                   struct tamga_detail *detail);

void tamga_device_status(const struct tamga_device *device, struct tamga_device_status *out);

/* Version of the library, "0.1.0". */
const char *tamga_device_library_version(void);

#ifdef __cplusplus
}
#endif

#endif
