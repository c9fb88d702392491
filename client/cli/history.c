/* tamga history: what happened to a device, and how one record is shown. */
#include "cli/cli.h"

struct history {
    const char *device;
    const struct cli *cli;
    size_t count;
    char runs[TAMGA_CLIENT_VERSION_MAX]; /* what the device runs now, if that was withdrawn */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct history *history = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        if (history->device != NULL)
            argp_error(state, "one device at a time");
        history->device = arg;
        return 0;
    case ARGP_KEY_END:
        if (history->device == NULL)
            argp_error(state, "which device? P/M/N");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .parser = parse,
    .args_doc = "P/M/N",
    .doc = "Show what happened to a device, oldest first, from a gateway's records. Of every "
           "record are verified: the gateway's signature, the device's certificate and "
           "receipt, the proof that a block commits to it; of its release the author and the "
           "place in the consortium chain."
           "\vExample: tamga --node tcp://127.0.0.1:7301 --genesis genesis.tamga "
           "history acme/cam/0001",
};

static const char *outcome_text(enum tamga_client_outcome outcome)
{
    switch (outcome) {
    case TAMGA_CLIENT_CONFIRMED:
        return "confirmed";
    case TAMGA_CLIENT_REFUSED:
        return "refused";
    case TAMGA_CLIENT_FAILED:
        return "failed";
    case TAMGA_CLIENT_ROLLED_BACK:
        return "rolled back";
    }
    return "unknown";
}

struct texts {
    char id[TAMGA_HEX_CHARS], release[TAMGA_HEX_CHARS], sha256[TAMGA_HEX_CHARS];
    char block[TAMGA_HEX_CHARS];
    char time[CLI_TIME_MAX], device_time[CLI_TIME_MAX];
    struct notice {
        Tamga__V1__NoticeView view;
        char id[TAMGA_HEX_CHARS], time[CLI_TIME_MAX], expires[CLI_TIME_MAX];
    } withdrawn, permit;
};

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text; /* the view only lends it to the JSON writer */
}

static Tamga__V1__NoticeView *notice_of(struct notice *notice,
                                        const struct tamga_notice_info *info,
                                        enum tamga_err err)
{
    Tamga__V1__NoticeView *view = &notice->view;

    tamga__v1__notice_view__init(view);
    if (info == NULL) {
        view->error = text_of(tamga_err_name(err));
        return view;
    }
    view->tx_id = text_of(cli_hex(notice->id, info->tx_id));
    view->by = text_of(info->by);
    view->time = text_of(cli_time(notice->time, info->time_ms));
    view->reason = text_of(info->reason);
    if (info->expires_ms > 0)
        view->expires = text_of(cli_time(notice->expires, info->expires_ms));
    view->height = info->height;
    return view;
}

/* What could not be seen for now is no news; what does not verify is. */
static bool is_told(const struct tamga_notice_info *info, enum tamga_err err)
{
    return info != NULL || (err != TAMGA_E_NO_METHOD &&
                            tamga_err_class(err) == TAMGA_CLASS_REJECT);
}

static void notices_of(Tamga__V1__RecordView *view, struct texts *texts,
                       const struct tamga_record_info *record)
{
    if (is_told(record->withdrawn, record->withdrawn_err))
        view->withdrawn =
            notice_of(&texts->withdrawn, record->withdrawn, record->withdrawn_err);
    if (!record->by_permit)
        return;
    view->permit = notice_of(&texts->permit, record->permit, record->permit_err);
    view->permit->tx_id = text_of(cli_hex(texts->permit.id, record->permit_tx));
}

static void view_of(Tamga__V1__RecordView *view, struct texts *texts,
                    const struct tamga_record_info *record)
{
    static const Tamga__V1__RecordView empty = TAMGA__V1__RECORD_VIEW__INIT;

    *view = empty;
    view->record_id = text_of(cli_hex(texts->id, record->record_id));
    view->device = text_of(record->device);
    view->outcome = text_of(outcome_text(record->outcome));
    view->reason = text_of(record->reason ? tamga_err_name(record->reason) : "");
    view->version = text_of(record->version ? record->version : "");
    view->from_counter = record->from_counter;
    view->to_counter = record->to_counter;
    view->receipt_counter = record->receipt_counter;
    view->missing_receipts = record->missing;
    view->reinstall = text_of(record->reinstall);
    view->gateway = text_of(record->gateway);
    view->released_by = text_of(record->released_by ? record->released_by : "");
    view->release_tx = text_of(cli_hex(texts->release, record->release_tx));
    view->release_error =
        text_of(record->release_err ? tamga_err_name(record->release_err) : "");
    view->image_sha256 = text_of(cli_hex(texts->sha256, record->image_sha256));
    view->time = text_of(cli_time(texts->time, record->time_ms));
    view->device_time = text_of(cli_time(texts->device_time, record->device_time_ms));
    view->height = record->height;
    if (record->height > 0)
        view->block = text_of(cli_hex(texts->block, record->block));
    notices_of(view, texts, record);
}

static void print_withdrawn(const Tamga__V1__NoticeView *view)
{
    if (view->error[0] != '\0')
        printf("  whether it was withdrawn is not verified (%s)\n", view->error);
    else
        printf("  WITHDRAWN %s by %s: %s\n  by       %s\n", view->time, view->by, view->reason,
               view->tx_id);
}

static void print_permit(const Tamga__V1__NoticeView *view)
{
    if (view->error[0] != '\0')
        printf("  went back, by a permit that is not verified (%s)\n", view->error);
    else
        printf("  went back, as %s permitted until %s: %s\n", view->by, view->expires,
               view->reason);
    printf("  permit   %s\n", view->tx_id);
}

static void print(const Tamga__V1__RecordView *view)
{
    if (view->missing_receipts > 0)
        printf("  ... %" PRIu64 " receipt(s) of the device are not recorded here\n",
               view->missing_receipts);
    printf("%s  receipt %-4" PRIu64 " %s", view->time, view->receipt_counter, view->outcome);
    if (view->reason[0] != '\0')
        printf(" (%s)", view->reason);
    if (view->version[0] != '\0')
        printf("  version %s by %s\n", view->version, view->released_by);
    else
        printf("  release not verified (%s)\n", view->release_error);
    printf("  delivered by %s; counter %" PRIu64 " to %" PRIu64 "; on the device %s\n",
           view->gateway, view->from_counter, view->to_counter, view->device_time);
    if (view->reinstall[0] != '\0')
        printf("  reinstall: %s\n", view->reinstall);
    printf("  record   %s\n  release  %s\n", view->record_id, view->release_tx);
    if (view->permit != NULL)
        print_permit(view->permit);
    if (view->withdrawn != NULL)
        print_withdrawn(view->withdrawn);
    if (view->height > 0)
        printf("  block    %" PRIu64 "  %s\n", view->height, view->block);
    else
        printf("  block    none yet: waits for one\n");
}

enum tamga_err cli_show_record(const struct cli *cli, const struct tamga_record_info *record,
                               bool full)
{
    Tamga__V1__RecordView view;
    struct texts texts;

    view_of(&view, &texts, record);
    if (cli->json)
        return cli_json(&view.base);
    if (full)
        printf("record of %s\n", record->device);
    print(&view);
    return cli_flush();
}

static enum tamga_err each(void *context, const struct tamga_record_info *record)
{
    struct history *history = context;

    history->count++;
    if (record->outcome == TAMGA_CLIENT_CONFIRMED)
        snprintf(history->runs, sizeof history->runs, "%s",
                 record->withdrawn != NULL && record->version != NULL ? record->version : "");
    return cli_show_record(history->cli, record, false);
}

int cli_history(struct cli *cli, int argc, char **argv)
{
    TAMGA_CLEANUP(cli_client_free) struct tamga_client *client = NULL;
    struct history history = {.cli = cli};
    struct tamga_detail detail = {""};
    enum tamga_err err;

    cli_parse(cli, &argp, argc, argv, &history);
    err = cli_open(cli, &client, &detail);
    if (err == TAMGA_OK)
        err = tamga_client_history(client, history.device, each, &history, &detail);
    if (err == TAMGA_OK && history.count == 0 && !cli->json)
        printf("nothing is recorded of %s\n", history.device);
    if (err == TAMGA_OK && history.runs[0] != '\0' && !cli->json)
        printf("%s runs version %s, which was withdrawn\n", history.device, history.runs);
    return cli_fail(err, &detail);
}
