#include "vector.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

void test_vector(struct tamga_buf *out, const char *file, const char *name)
{
    static char line[8192];
    char path[512];
    size_t name_len = strlen(name);
    FILE *in;

    snprintf(path, sizeof path, "%s/wire/%s", TAMGA_TEST_VECTORS, file);
    in = fopen(path, "r");
    cr_assert_not_null(in, "%s", path);
    while (fgets(line, sizeof line, in) != NULL) {
        const char *hex = line + name_len + 1;
        size_t len;

        if (strncmp(line, name, name_len) != 0 || line[name_len] != ' ')
            continue;
        line[strcspn(line, "\n")] = '\0';
        len = strlen(hex) / 2;
        cr_assert_eq(tamga_buf_reserve(out, len), TAMGA_OK);
        cr_assert_eq(tamga_from_hex(out->data + out->len, len, hex), TAMGA_OK);
        out->len += len;
        fclose(in);
        return;
    }
    fclose(in);
    cr_assert_fail("%s has no %s", path, name);
}
