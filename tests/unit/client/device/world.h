/*
 * A device in a folder of its own and a gateway that answers it over a real socket on
 * loopback: honest unless told to lie. For the tests of the device library.
 */
#ifndef TAMGA_TEST_DEVICE_WORLD_H
#define TAMGA_TEST_DEVICE_WORLD_H

#include <criterion/criterion.h>

#include "content/dag.h"
#include "device/internal.h"
#include "validators.h"

#define WORLD_BLOCKS_MAX   128
#define WORLD_CONTENT_MAX  64
#define WORLD_RECEIPTS_MAX 128
#define WORLD_IMAGE_BYTES  600000 /* three leaves and a root */
#define WORLD_NOW_MS       (TEST_GENESIS_MS + 3600000)

struct image {
    struct tamga_buf bytes;
    struct tamga_hash sha256;
    char cid[TAMGA_CID_TEXT_MAX];
};

struct gateway {
    Tamga__V1__DeviceService_Service service; /* first: the handlers get its address */
    struct tamga_rpc_server *server;
    char addr[64];
    /* what validators hold for true: releases of acme/cam, and no other model's */
    struct test_validators validators;
    struct tamga_store *store;
    struct tamga_overlay state;
    struct test_block block[WORLD_BLOCKS_MAX];
    struct tamga_checkpoint checkpoint[WORLD_BLOCKS_MAX]; /* of each block */
    struct tamga_buf proof[WORLD_BLOCKS_MAX]; /* encoded ReleaseProof, as of each block */
    struct tamga_buf newest;                  /* encoded Signed */
    struct tamga_entry_id newest_id;
    uint64_t newest_counter;
    size_t block_count;
    /* what it shows */
    bool offers;
    size_t shown;      /* block whose proof is shown */
    bool older;        /* beside it, an older release is on offer */
    size_t older_at;   /* the first entry of this block */
    size_t older_as_of; /* block of the checkpoint that proves it; shown: that one */
    size_t permit_at;   /* block of the permit that is shown; 0: none is */
    const struct tamga_entry_id *tells_of; /* what it says the device runs; NULL: nothing */
    struct {
        struct tamga_cid cid;
        struct tamga_buf bytes;
    } content[WORLD_CONTENT_MAX];
    size_t content_count;
    /* lies */
    void (*change_answer)(Tamga__V1__CheckInResponse *response);
    enum tamga_err check_in_error;
    enum tamga_err report_error;
    unsigned bad_blocks;   /* so many blocks are wrong from now on */
    unsigned good_blocks;  /* 0: no end; else BUSY once they were sent */
    /* what it saw */
    unsigned check_ins, blocks_asked, reports;
    bool bad_check_in;
    uint64_t last_checkpoint_height; /* as the last check-in said */
    struct tamga_buf receipt[WORLD_RECEIPTS_MAX];
    size_t receipt_count;
};

struct world {
    char folder[64];
    char genesis[96], key[96], certificate[96], state[96], root[96];
    struct tamga_device_options options;
    struct tamga_device_env env;
    uint64_t now_ms;
    const char *exit_at; /* this process ends at this event */
    const char *watched; /* an event, and how often it came */
    unsigned seen;
    struct gateway gateway;
    struct tamga_device *device;
    struct tamga_device_result result;
    struct tamga_detail detail;
};

/* Folder with keys, genesis and certificate of acme/cam/0001, hardware A. */
void world_make(struct world *world);
void world_remove(struct world *world);
void world_serve(struct world *world);
/* The usual: made, served, device open. */
void world_start(struct world *world);
void world_end(struct world *world);
enum tamga_err world_open(struct world *world);
void world_close(struct world *world);
enum tamga_err world_session(struct world *world);

/* An image named by a number; kept by the gateway's content. */
void world_image(struct world *world, struct image *image, uint64_t seed, size_t len);
/* The names of an image whose bytes are there; kept by the gateway's content. */
void world_image_add(struct world *world, struct image *image);
void image_clear(struct image *image);
/* Publish a release of an image in a new block: it is the newest one and on offer. Fields
 * of `base` that are zero are taken from the image; base may be NULL. */
void world_offer(struct world *world, const struct image *image,
                 const struct test_release *base);
/* Publish release `counter` of a fresh image. */
void world_offer_next(struct world *world, uint64_t counter);
/* Publish a newer release in a new block; what was on offer stays so. */
void world_supersede(struct world *world, const struct test_release *base);
void world_supersede_by(struct world *world, const struct image *image,
                        const struct test_release *base);
/* The newest release is withdrawn, in a new block. */
void world_withdraw_newest(struct world *world);
/* Any release is, or waits for signatures. */
void world_withdraw(struct world *world, const struct tamga_entry_id *id, uint64_t counter);
void world_keep_waiting(struct world *world, const struct tamga_entry_id *id, uint64_t counter);
/* A block with any other action; the state is as the test has it. */
void world_say(struct world *world, const char *sender, const Tamga__V1__TransactionBody *body);
/* A permit of acme's, in a new block, for this device and a millisecond more, and shown. */
struct world_permit {
    const struct tamga_entry_id *release;
    const char *sender; /* NULL: acme */
    const char *number; /* NULL: all devices */
    uint64_t expires_ms; /* 0: a millisecond from now */
};
void world_permit(struct world *world, const struct world_permit *permit);
/* The first entry of an earlier block is on offer beside the newest release. */
void world_offer_older(struct world *world, size_t at);
/* Blocks with a release each of one of acme's models, of which the state says nothing. */
void world_grow(struct world *world, size_t count, const char *model);

/* The i-th receipt that the gateway got, verified; tamga_wire_free. */
Tamga__V1__ReceiptBody *world_receipt(struct world *world, size_t i);
/* `current` leads to exactly this image. */
bool world_runs(struct world *world, const struct image *image);
struct tamga_device_status world_status(struct world *world);

#endif
