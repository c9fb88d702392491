/*
 * A fuzz target without a fuzzer: run it once over each file of a folder. The folder
 * must have some, or nothing would have been tested.
 */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_BYTES_MAX (8u * 1024 * 1024)

/* A copy of exactly the file's length, so that a sanitizer sees each byte too many. */
static int replay_file(const char *path)
{
    static uint8_t all[INPUT_BYTES_MAX];
    FILE *in = fopen(path, "rb");
    uint8_t *exact;
    size_t len;

    if (in == NULL)
        return -1;
    len = fread(all, 1, sizeof all, in);
    fclose(in);
    exact = malloc(len > 0 ? len : 1);
    if (exact == NULL)
        return -1;
    memcpy(exact, all, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 0;
}

static long replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    long count = 0;

    if (folder == NULL)
        return -1;
    while (count >= 0 && (entry = readdir(folder)) != NULL) {
        char file[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        count = replay_file(file) == 0 ? count + 1 : -1;
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    long count = argc == 2 ? replay_folder(argv[1]) : -1;

    if (count <= 0) {
        fprintf(stderr, "usage: %s FOLDER-OF-INPUTS (readable, not empty)\n", argv[0]);
        return 1;
    }
    printf("%ld inputs\n", count);
    return 0;
}
