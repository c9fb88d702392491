/* By the commands that docs/OPERATING.md tells: softhsm2-util and pkcs11-tool. */
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool run(const char *folder, const char *command)
{
    char text[1024], line[512];
    FILE *log;

    snprintf(text, sizeof text, "%s >%s/token.log 2>&1", command, folder);
    if (system(text) == 0)
        return true;
    fprintf(stderr, "failed: %s\n", command);
    snprintf(text, sizeof text, "%s/token.log", folder);
    log = fopen(text, "r");
    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        fputs(line, stderr);
    if (log != NULL)
        fclose(log);
    return false;
}

bool test_token_make(const char *folder)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof path, "%s/tokens", folder);
    if (mkdir(path, 0700) != 0)
        return false;
    snprintf(path, sizeof path, "%s/softhsm2.conf", folder);
    file = fopen(path, "w");
    if (file == NULL)
        return false;
    fprintf(file, "directories.tokendir = %s/tokens\nobjectstore.backend = file\n", folder);
    fclose(file);
    setenv("SOFTHSM2_CONF", path, 1);
    return run(folder, "softhsm2-util --init-token --free --label acme --pin " TEST_TOKEN_PIN
                       " --so-pin 87654321");
}

bool test_token_key(const char *folder, const char *type, const char *id, const char *label)
{
    char command[512];

    snprintf(command, sizeof command,
             "pkcs11-tool --module " TEST_TOKEN_MODULE " --token-label acme --login --pin "
             TEST_TOKEN_PIN " --keypairgen --key-type %s --id %s --label %s",
             type, id, label);
    return run(folder, command);
}
