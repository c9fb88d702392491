/* The helpers that feed other tests: a vector that is misread would prove nothing. */
#include "vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Goal:   base64 is read exactly, and nothing that is not base64 is.
 * Method: RFC 4648's examples; wrong lengths, wrong padding, foreign characters.
 */
Test(test_lib_vectors, base64)
{
    static const char *const good[][2] = {
        {"", ""},        {"Zg==", "f"},        {"Zm8=", "fo"},
        {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"Zm9vYmFy", "foobar"}};
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Z===", "====", "=m9v", "Zg=A", "Zm9?", "Zg==Zg==", "Zm 9v"};
    TAMGA_BUF out = {0};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(test_base64_decode(&out, good[i][0]), TAMGA_OK, "%s", good[i][0]);
        cr_assert(tamga_span_equal(tamga_buf_span(&out), tamga_span_text(good[i][1])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(test_base64_decode(&out, bad[i]), TAMGA_E_BAD_VALUE, "%s", bad[i]);
}

static enum tamga_err u64_of(const char *json, uint64_t *out)
{
    char path[] = "/tmp/tamga-test-XXXXXX";
    int fd = mkstemp(path);
    json_t *root;
    enum tamga_err err;

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, json, strlen(json)), (ssize_t)strlen(json));
    close(fd);
    root = test_json_load(path);
    unlink(path);
    cr_assert_not_null(root, "%s", json);
    err = test_json_u64(json_object_get(root, "n"), out);
    json_decref(root);
    return err;
}

/*
 * Goal:   integers keep every bit up to 2^64-1, and what is no such number is refused.
 * Method: both sides of 2^63 and 2^64; digits in strings, also behind an escaped quote,
 *         stay what they are.
 */
Test(test_lib_vectors, integers_to_64_bits)
{
    uint64_t n = 7;

    cr_assert_eq(u64_of("{\"n\":0}", &n), TAMGA_OK);
    cr_assert_eq(n, 0);
    cr_assert_eq(u64_of("{\"n\":9223372036854775807}", &n), TAMGA_OK);
    cr_assert_eq(n, INT64_MAX);
    cr_assert_eq(u64_of("{\"n\": 18446744073709551615 }", &n), TAMGA_OK);
    cr_assert_eq(n, UINT64_MAX);
    cr_assert_eq(u64_of("{\"a\":\"\\\"1111111111111111111111\",\"n\":5}", &n),
                 TAMGA_OK);
    cr_assert_eq(n, 5);
    cr_assert_eq(u64_of("{\"n\":18446744073709551616}", &n), TAMGA_E_BAD_VALUE);
    cr_assert_eq(u64_of("{\"n\":-1}", &n), TAMGA_E_BAD_VALUE);
    cr_assert_eq(u64_of("{\"n\":1.5}", &n), TAMGA_E_BAD_VALUE);
    cr_assert_eq(u64_of("{\"n\":\"12x\"}", &n), TAMGA_E_BAD_VALUE);
    cr_assert_eq(u64_of("{\"n\":\"\"}", &n), TAMGA_E_BAD_VALUE);
    cr_assert_eq(u64_of("{\"m\":1}", &n), TAMGA_E_BAD_VALUE);
    cr_assert_eq(n, 5, "untouched on failure");
}

/*
 * Goal:   both places are searched, by prefix and suffix, in a fixed order.
 * Method: a folder of our own as $TAMGA_VECTORS beside the tree's own vectors.
 */
Test(test_lib_vectors, files_of_both_places)
{
    static const char *const name[] = {"inclusion-2.json", "inclusion-1.json",
                                       "inclusion.txt", "other.json"};
    char root[] = "/tmp/tamga-test-XXXXXX";
    char path[8][512];
    char made[512];
    size_t here;

    unsetenv("TAMGA_VECTORS");
    here = test_vector_files("merkle", "inclusion", ".json", path, 8);
    cr_assert_eq(here, 1);
    cr_assert_not_null(mkdtemp(root));
    snprintf(made, sizeof made, "%s/merkle", root);
    cr_assert_eq(mkdir(made, 0700), 0);
    for (size_t i = 0; i < 4; i++) {
        snprintf(made, sizeof made, "%s/merkle/%s", root, name[i]);
        fclose(fopen(made, "w"));
    }
    setenv("TAMGA_VECTORS", root, 1);
    cr_assert_eq(test_vector_files("merkle", "inclusion", ".json", path, 8), here + 2);
    cr_assert_not_null(strstr(path[here], "inclusion-1.json"));
    cr_assert_not_null(strstr(path[here + 1], "inclusion-2.json"));
    cr_assert_eq(test_vector_files("no-such-folder", "", "", path, 8), 0);
    for (size_t i = 0; i < 4; i++) {
        snprintf(made, sizeof made, "%s/merkle/%s", root, name[i]);
        unlink(made);
    }
    snprintf(made, sizeof made, "%s/merkle", root);
    rmdir(made);
    rmdir(root);
}
