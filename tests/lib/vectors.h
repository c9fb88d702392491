/*
 * Test vectors: find the files, read JSON whose integers reach 2^64-1, decode
 * base64. Knows nothing of what the vectors say.
 *
 * Vectors lie in tests/vectors/SUBFOLDER and, so that more can be run without
 * touching the code, in $TAMGA_VECTORS/SUBFOLDER if that variable is set.
 */
#ifndef TAMGA_TEST_VECTORS_H
#define TAMGA_TEST_VECTORS_H

#include <jansson.h>

#include "base/span.h"

#define TEST_VECTOR_FILE_BYTES_MAX (64u << 20)

/*
 * Paths of all files of the subfolder, in both places, whose names start with prefix
 * and end with suffix; sorted by place, then by name.
 *
 * Returns: how many; 0 if there are none. Aborts, naming the folder, if there are
 *          more than max or a path has 512 characters: vectors are never skipped.
 */
size_t test_vector_files(const char *subfolder, const char *prefix, const char *suffix,
                         char path[][512], size_t max);

/* The whole file, with a NUL after its last byte that len does not count.
 * FILE_IO; TOO_LARGE beyond TEST_VECTOR_FILE_BYTES_MAX. */
TAMGA_MUST_USE enum tamga_err test_file_load(struct tamga_buf *out, const char *path);

/*
 * The file's JSON, or NULL, with the reason on stderr; the caller's own. Integers of
 * 19 and more digits do not fit jansson's signed ones and arrive as strings of their
 * digits: read every number by test_json_u64.
 */
json_t *test_json_load(const char *path);
/* A number 0..2^64-1, or the same as a string of digits. BAD_VALUE: anything else. */
TAMGA_MUST_USE enum tamga_err test_json_u64(const json_t *value, uint64_t *out);

/* Standard base64 with padding, into out (emptied first). BAD_VALUE. */
TAMGA_MUST_USE enum tamga_err test_base64_decode(struct tamga_buf *out,
                                                 const char *text);
/* The same of a JSON string; JSON null is no bytes. BAD_VALUE for other types. */
TAMGA_MUST_USE enum tamga_err test_json_base64(const json_t *value,
                                               struct tamga_buf *out);

/* Scope attribute: TEST_JSON *root = test_json_load(path); */
void test_json_release(json_t **json);
#define TEST_JSON TAMGA_CLEANUP(test_json_release) json_t

#endif
