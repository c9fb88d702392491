/* tamga cid: what an image would be called; nothing is sent. */
#include "cli/cli.h"

#include "producer/image.h"

struct cid {
    const char *file;
    struct tamga_dag_options dag;
};

enum { OPT_VERSION = 1, OPT_CHUNK };

static const struct argp_option options[] = {
    {"cid-version", OPT_VERSION, "0|1", 0,
     "0 (default): Qm..., as releases name images; 1: bafy..., with raw leaves", 0},
    {"chunk-bytes", OPT_CHUNK, "N", 0, "Bytes of a block, 1..1048576 (default 262144)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cid *cid = state->input;

    switch (key) {
    case OPT_VERSION:
        cid->dag.cid_version = (uint8_t)cli_number(state, "--cid-version", arg, 0, 1);
        cid->dag.raw_leaves = cid->dag.cid_version == 1;
        return 0;
    case OPT_CHUNK:
        cid->dag.chunk_bytes =
            (size_t)cli_number(state, "--chunk-bytes", arg, 1, TAMGA_DAG_CHUNK_BYTES_MAX);
        return 0;
    case ARGP_KEY_ARG:
        if (cid->file != NULL)
            argp_error(state, "one FILE at a time");
        cid->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (cid->file == NULL)
            argp_error(state, "which FILE?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE",
    .doc = "Compute the CID that `ipfs add` would print for an image. Nothing is sent."
           "\vExample: tamga cid --cid-version 1 cam.bin",
};

static enum tamga_err show(const struct cli *cli, const struct tamga_image *image)
{
    Tamga__V1__CidView view = TAMGA__V1__CID_VIEW__INIT;
    char text[TAMGA_CID_TEXT_MAX], sha256[TAMGA_HEX_CHARS];

    tamga_cid_format(text, &image->root);
    cli_hex(sha256, image->sha256.byte);
    view.cid = text;
    view.image_sha256 = sha256;
    view.image_bytes = image->bytes;
    if (cli->json)
        return cli_json(&view.base);
    printf("%s\n", text);
    return cli_flush();
}

int cli_cid(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(tamga_image_close) struct tamga_image image = {.fd = -1};
    struct cid cid = {.dag = tamga_dag_default};
    struct tamga_detail detail = {""};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &cid);
    err = tamga_image_open(&image, cid.file, &cid.dag, NULL, NULL, &detail);
    if (err == TAMGA_OK)
        err = show(cli, &image);
    return cli_fail(err, &detail);
}
