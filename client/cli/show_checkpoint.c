/* tamga show checkpoint: what a quorum has cosigned, and who they are. */
#include "cli/cli.h"

#include "link/finality.h"

static enum tamga_err show(const struct cli *cli, const struct tamga_chain *chain,
                           const struct tamga_cosigned *cosigned)
{
    const struct tamga_checkpoint *checkpoint = &cosigned->checkpoint;
    Tamga__V1__CheckpointView view = TAMGA__V1__CHECKPOINT_VIEW__INIT;
    char block[TAMGA_HEX_CHARS], root[TAMGA_HEX_CHARS], time[CLI_TIME_MAX];

    view.chain = (char *)(uintptr_t)chain->rules->name;
    view.height = checkpoint->at.height;
    view.block = (char *)(uintptr_t)cli_hex(block, checkpoint->at.id.hash.byte);
    view.state_root = (char *)(uintptr_t)cli_hex(root, checkpoint->state_root.byte);
    view.time = (char *)(uintptr_t)cli_time(time, checkpoint->time_ms);
    view.n_cosigners = cosigned->count;
    view.cosigners = (char **)(uintptr_t)cosigned->name;
    view.validators = tamga_council_size(chain->council, checkpoint->at.height);
    view.quorum = tamga_quorum(chain, checkpoint->at.height);
    if (cli->json)
        return cli_json(&view.base);
    printf("checkpoint %" PRIu64 "\n  chain        %s\n  block        %s\n", view.height,
           view.chain, view.block);
    printf("  state root   %s\n  time         %s\n", view.state_root, view.time);
    printf("  cosigned by  %zu of %u validators, %u needed\n", view.n_cosigners, view.validators,
           view.quorum);
    for (size_t i = 0; i < view.n_cosigners; i++)
        printf("    %s\n", view.cosigners[i]);
    return cli_flush();
}

enum tamga_err cli_show_checkpoint(const struct cli *cli, struct tamga_session *session,
                                   const struct tamga_chain *chain, uint64_t height,
                                   struct tamga_detail *detail)
{
    struct tamga_cosigned cosigned;
    enum tamga_err err = tamga_cosigned_fetch(&cosigned, session, chain, height, detail);

    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_NOT_READY,
                            "the %s chain has no checkpoint at or above height %" PRIu64 " yet",
                            chain->rules->name, height);
    return err == TAMGA_OK ? show(cli, chain, &cosigned) : err;
}
