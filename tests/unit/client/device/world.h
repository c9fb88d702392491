/*
 * A device in a folder of its own and a gateway that answers it over a real socket on
 * loopback: honest unless told to lie. For the tests of the device library.
 */
#ifndef TAMGA_TEST_DEVICE_WORLD_H
#define TAMGA_TEST_DEVICE_WORLD_H

#include <criterion/criterion.h>

#include "content/dag.h"
#include "device/internal.h"
#include "fixture.h"

#define WORLD_BLOCKS_MAX   128
#define WORLD_CONTENT_MAX  32
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
    /* what it shows */
    struct test_block block[WORLD_BLOCKS_MAX];
    size_t block_count;
    size_t page; /* headers in one answer */
    bool offers;
    struct tamga_buf offer;
    size_t offer_block; /* that the proof is of; the entry is its first */
    struct {
        struct tamga_cid cid;
        struct tamga_buf bytes;
    } content[WORLD_CONTENT_MAX];
    size_t content_count;
    /* lies */
    void (*change_answer)(Tamga__V1__CheckInResponse *response);
    void (*change_headers)(Tamga__V1__GetDeviceHeadersResponse *response);
    enum tamga_err check_in_error;
    enum tamga_err report_error;
    unsigned bad_blocks;   /* so many blocks are wrong from now on */
    unsigned good_blocks;  /* 0: no end; else BUSY once they were sent */
    /* what it saw */
    unsigned check_ins, header_calls, blocks_asked, reports;
    bool bad_check_in;
    struct tamga_buf receipt[WORLD_RECEIPTS_MAX];
    size_t receipt_count;
};

struct world {
    char folder[64];
    char genesis[96], key[96], certificate[96], state[96], root[96];
    struct tamga_device_options options;
    struct tamga_device_env env;
    uint64_t now_ms;
    uint64_t tick_ms; /* added each time the clock is read */
    const char *exit_at; /* this process ends at this event */
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
void image_clear(struct image *image);
/* Offer a release of an image, in a new block on the gateway's chain. Fields of `base`
 * that are zero are taken from the image; base may be NULL. */
void world_offer(struct world *world, const struct image *image,
                 const struct test_release *base);
/* Offer release `counter` of a fresh image. */
void world_offer_next(struct world *world, uint64_t counter);
/* Blocks on top of the gateway's chain from one place on, with releases from seed up. */
void world_grow(struct world *world, size_t keep, size_t count, uint64_t seed,
                uint64_t step_ms);

/* The i-th receipt that the gateway got, verified; tamga_wire_free. */
Tamga__V1__ReceiptBody *world_receipt(struct world *world, size_t i);
/* `current` leads to exactly this image. */
bool world_runs(struct world *world, const struct image *image);
struct tamga_device_status world_status(struct world *world);

#endif
