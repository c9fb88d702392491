/* tamga releases: what was released, and how one release is shown. */
#include "cli/cli.h"

struct releases {
    const char *model;
    const struct cli *cli;
    size_t count;
};

static const struct argp_option options[] = {
    {"model", 'm', "P/M", 0, "Only releases of this model", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct releases *releases = state->input;

    switch (key) {
    case 'm':
        releases->model = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "\"%s\" is too much; name a model by --model P/M", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .doc = "List what was released, oldest first within a model. Who released it, and that "
           "it might, is verified here.\vExample: tamga releases --model acme/cam --json",
};

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text; /* the views only lend it to the JSON writer */
}

void cli_release_view(Tamga__V1__ReleaseView *view, struct cli_release_texts *texts,
                      const struct tamga_release_info *release)
{
    static const Tamga__V1__ReleaseView empty = TAMGA__V1__RELEASE_VIEW__INIT;
    struct tamga_hash by;

    *view = empty;
    snprintf(texts->model, sizeof texts->model, "%s/%s", release->producer, release->model);
    for (size_t i = 0; i < release->depends_count; i++) {
        snprintf(texts->depend[i], sizeof texts->depend[i], "%s/%s:%s",
                 release->depends[i].producer, release->depends[i].model,
                 release->depends[i].version);
        texts->depends[i] = texts->depend[i];
    }
    view->tx_id = text_of(cli_hex(texts->tx_id, release->tx_id));
    view->model = texts->model;
    view->version = text_of(release->version);
    view->counter = release->counter;
    view->cid = text_of(release->cid);
    view->image_sha256 = text_of(cli_hex(texts->sha256, release->image_sha256));
    view->image_bytes = release->image_bytes;
    view->n_hardware = release->hardware_count;
    view->hardware = (char **)(uintptr_t)release->hardware;
    view->expires = text_of(cli_time(texts->expires, release->expires_ms));
    view->n_depends = release->depends_count;
    view->depends = texts->depends;
    view->first_install = release->first_install;
    view->urgent = release->urgent;
    if (release->republish)
        view->republish_of = text_of(cli_hex(texts->republish, release->republish_of));
    view->sender = text_of(release->sender);
    view->sender_address = text_of(cli_hex(texts->address, release->sender_address));
    view->time = text_of(cli_time(texts->time, release->time_ms));
    view->height = release->height;
    if (release->height > 0)
        view->block = text_of(cli_hex(texts->block, release->block));
    memcpy(by.byte, release->withdrawn_by, TAMGA_HASH_BYTES);
    view->withdrawn = release->withdrawn;
    if (release->withdrawn && !tamga_hash_is_zero(&by))
        view->withdrawn_by = text_of(cli_hex(texts->withdrawn, release->withdrawn_by));
    view->waits = release->waits;
    view->n_signed_by = release->signed_by_count;
    view->signed_by = (char **)(uintptr_t)release->signed_by;
    view->needed = release->needed;
    view->countersign = release->countersign;
}

const char *cli_release_mark(char out[CLI_MARK_MAX], const Tamga__V1__ReleaseView *view)
{
    size_t len;

    out[0] = '\0';
    if (view->withdrawn)
        return strcpy(out, "withdrawn");
    if (!view->waits)
        return out;
    len = (size_t)snprintf(out, CLI_MARK_MAX, "waits for signatures: has");
    for (size_t i = 0; i < view->n_signed_by && len < CLI_MARK_MAX - 80; i++)
        len += (size_t)snprintf(out + len, CLI_MARK_MAX - len, "%s %s", i > 0 ? "," : "",
                                view->signed_by[i]);
    if (view->needed > 1)
        len += (size_t)snprintf(out + len, CLI_MARK_MAX - len, ", needs %" PRIu32,
                                view->needed);
    if (view->countersign)
        snprintf(out + len, CLI_MARK_MAX - len, "%s the owner's",
                 view->needed > 1 ? " with" : ", needs");
    return out;
}

static void print_list(const char *what, char *const *list, size_t count)
{
    if (count == 0)
        return;
    printf("  %-13s", what);
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? ", " : "", list[i]);
    printf("\n");
}

void cli_print_release(const Tamga__V1__ReleaseView *view)
{
    char size[CLI_TIME_MAX];

    printf("release %s\n", view->tx_id);
    printf("  model        %s\n  version      %s\n  counter      %" PRIu64 "\n", view->model,
           view->version, view->counter);
    printf("  cid          %s\n  sha256       %s\n", view->cid, view->image_sha256);
    printf("  image        %" PRIu64 " bytes (%s)\n", view->image_bytes,
           cli_size(size, view->image_bytes));
    print_list("hardware", view->hardware, view->n_hardware);
    print_list("depends on", view->depends, view->n_depends);
    if (view->expires[0] != '\0')
        printf("  expires      %s\n", view->expires);
    if (view->first_install)
        printf("  for devices that run nothing yet\n");
    if (view->urgent)
        printf("  urgent\n");
    if (view->republish_of[0] != '\0')
        printf("  republishes  %s\n", view->republish_of);
    printf("  signed by    %s at %s\n", view->sender, view->time);
}

static void print_full(const Tamga__V1__ReleaseView *view)
{
    cli_print_release(view);
    if (view->height > 0)
        printf("  block        %" PRIu64 "  %s\n", view->height, view->block);
    else
        printf("  block        none yet: waits for one\n");
}

enum tamga_err cli_show_release(const struct cli *cli, const struct tamga_release_info *release,
                                bool full)
{
    struct cli_release_texts texts;
    Tamga__V1__ReleaseView view;
    char mark[CLI_MARK_MAX];

    cli_release_view(&view, &texts, release);
    if (cli->json)
        return cli_json(&view.base);
    if (full)
        print_full(&view);
    else
        printf("%-20s %-12s %7" PRIu64 "  %-24s %-12s %6" PRIu64 "  %s%s%s\n",
               view.model, view.version, view.counter, view.time, view.sender, view.height,
               view.tx_id, cli_release_mark(mark, &view)[0] != '\0' ? "  " : "", mark);
    return cli_flush();
}

static enum tamga_err each(void *context, const struct tamga_release_info *release)
{
    struct releases *releases = context;

    if (releases->count++ == 0 && !releases->cli->json)
        printf("%-20s %-12s %7s  %-24s %-12s %6s  %s\n", "MODEL", "VERSION", "COUNTER",
               "SIGNED", "BY", "BLOCK", "TRANSACTION");
    return cli_show_release(releases->cli, release, false);
}

int cli_releases(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct releases releases = {.cli = cli};
    struct tamga_detail detail = {""};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &releases);
    err = cli_open(cli, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_releases(client, releases.model, each, &releases, &detail);
    if (err == TAMGA_OK && releases.count == 0 && !cli->json)
        printf("nothing is released yet\n");
    return cli_fail(err, &detail);
}
