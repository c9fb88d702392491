/* core/config/yaml.c: what is refused, at which line, and what is read. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/yaml.h"

struct peer {
    char *rpc;
    char *gossip;
};
enum level { LEVEL_LOW, LEVEL_HIGH };
struct settings {
    char *name;
    uint32_t wait_ms;
    uint64_t bytes;
    int16_t shift;
    bool insecure;
    enum level level;
    struct peer *peers;
    uint32_t peers_count;
    char **words;
    uint32_t words_count;
    struct peer *first;
};

static const cyaml_strval_t levels[] = {{"low", LEVEL_LOW}, {"high", LEVEL_HIGH}};
static const cyaml_schema_field_t peer_fields[] = {
    CYAML_FIELD_STRING_PTR("rpc", CYAML_FLAG_POINTER, struct peer, rpc, 1, 64),
    CYAML_FIELD_STRING_PTR("gossip", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct peer,
                           gossip, 1, 64),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t peer_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct peer, peer_fields),
};
static const cyaml_schema_value_t word_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, 8),
};
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct settings, name, 1, 32),
    CYAML_FIELD_UINT("wait_ms", CYAML_FLAG_OPTIONAL, struct settings, wait_ms),
    CYAML_FIELD_UINT("bytes", CYAML_FLAG_OPTIONAL, struct settings, bytes),
    CYAML_FIELD_INT("shift", CYAML_FLAG_OPTIONAL, struct settings, shift),
    CYAML_FIELD_BOOL("insecure", CYAML_FLAG_OPTIONAL, struct settings, insecure),
    CYAML_FIELD_ENUM("level", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct settings, level,
                     levels, 2),
    CYAML_FIELD_SEQUENCE("peers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings,
                         peers, &peer_value, 0, 3),
    CYAML_FIELD_SEQUENCE("words", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings,
                         words, &word_value, 1, 3),
    CYAML_FIELD_MAPPING_PTR("first", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings,
                            first, peer_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, fields),
};

static char path[64];

static void file_remove(void)
{
    unlink(path);
}

static void file_write(const void *bytes, size_t len)
{
    int fd;

    if (path[0] == '\0') {
        strcpy(path, "/tmp/tamga-yaml-XXXXXX");
        fd = mkstemp(path);
        cr_assert_geq(fd, 0);
        close(fd);
        atexit(file_remove);
    }
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, len, file), len);
    cr_assert_eq(fclose(file), 0);
}

/* The file is refused with USAGE, and the detail is "FILE:" and this. */
static void refused_bytes(const void *bytes, size_t len, const char *expected)
{
    struct tamga_detail detail = {""};
    void *out = &detail;

    file_write(bytes, len);
    cr_assert_eq(tamga_yaml_load(path, &schema, &out, &detail), TAMGA_E_USAGE, "%s", expected);
    cr_assert_eq(out, (void *)&detail, "output touched");
    cr_assert_eq(strncmp(detail.text, path, strlen(path)), 0, "%s", detail.text);
    cr_assert_str_eq(detail.text + strlen(path) + 1, expected);
}

static void refused(const char *yaml, const char *expected)
{
    refused_bytes(yaml, strlen(yaml), expected);
}

static struct settings *accepted(const char *yaml)
{
    struct tamga_detail detail = {""};
    void *out = NULL;

    file_write(yaml, strlen(yaml));
    cr_assert_eq(tamga_yaml_load(path, &schema, &out, &detail), TAMGA_OK, "%s", detail.text);
    return out;
}

/*
 * Goal:   every type arrives as written, and absent optional keys are zero.
 * Method: one file with all of them, one with the required key alone.
 */
Test(yaml, reads_every_type)
{
    struct settings *all = accepted("name: node-a # its name\n"
                                    "wait_ms: 4294967295\n"
                                    "bytes: 18446744073709551615\n"
                                    "shift: -32768\n"
                                    "insecure: yes\n"
                                    "level: high\n"
                                    "peers: [{rpc: tcp://a:1, gossip: b}, {rpc: c}]\n"
                                    "words:\n- one\n- '010'\n"
                                    "first: {rpc: x}\n");
    struct settings *least;

    cr_assert_str_eq(all->name, "node-a");
    cr_assert_eq(all->wait_ms, UINT32_MAX);
    cr_assert_eq(all->bytes, UINT64_MAX);
    cr_assert_eq(all->shift, INT16_MIN);
    cr_assert(all->insecure);
    cr_assert_eq(all->level, LEVEL_HIGH);
    cr_assert_eq(all->peers_count, 2);
    cr_assert_str_eq(all->peers[0].rpc, "tcp://a:1");
    cr_assert_null(all->peers[1].gossip);
    cr_assert_str_eq(all->words[1], "010");
    cr_assert_str_eq(all->first->rpc, "x");
    tamga_yaml_free(&schema, all);

    least = accepted("---\nname: a\n...\n");
    cr_assert_eq(least->peers_count, 0);
    cr_assert_null(least->first);
    cr_assert_not(least->insecure);
    tamga_yaml_free(&schema, least);
    tamga_yaml_free(&schema, NULL);
}

/*
 * Goal:   unknown, double and missing keys are refused at their own line.
 * Method: one fault a file.
 */
Test(yaml, refuses_keys)
{
    refused("name: a\nwait: 5\n", "2: unknown key \"wait\"");
    refused("name: a\n\npeers:\n  - {rpc: x}\n  - {rpc: y, gosip: z}\n",
            "5: unknown key \"gosip\"");
    refused("name: a\n# b\nname: b\n", "3: key \"name\" is here twice");
    refused("wait_ms: 5\n", "1: file lacks the key \"name\"");
    refused("name: a\npeers:\n  - rpc: x\n  - gossip: y\n", "4: peers lacks the key \"rpc\"");
    refused("name: a\n<<: {wait_ms: 5}\n", "2: unknown key \"<<\"");
    refused("name: a\n[x]: y\n", "2: a key of file is a list");
}

/*
 * Goal:   a value of another type or outside its range is refused, not converted.
 * Method: each type in turn, at the edge and beyond.
 */
Test(yaml, refuses_values)
{
    refused("name: a\ninsecure: maybe\n", "2: insecure is \"maybe\", neither true nor false");
    refused("name: a\nwait_ms: 010\n", "2: wait_ms is \"010\", not a decimal number");
    refused("name: a\nwait_ms: 0x10\n", "2: wait_ms is \"0x10\", not a decimal number");
    refused("name: a\nwait_ms: -1\n", "2: wait_ms is \"-1\", not a decimal number");
    refused("name: a\nwait_ms:\n", "2: wait_ms is \"\", not a decimal number");
    refused("name: a\nwait_ms: 4294967296\n", "2: wait_ms is 4294967296, at most 4294967295");
    refused("name: a\nbytes: 18446744073709551616\n",
            "2: bytes is 18446744073709551616, at most 18446744073709551615");
    refused("name: a\nshift: 32768\n", "2: shift is 32768, accepted are -32768 to 32767");
    refused("name: a\nlevel: middle\n", "2: level is \"middle\", accepted are low, high");
    refused("name: ''\n", "1: name is empty or too short, at least 1 bytes");
    refused("name: 012345678901234567890123456789012\n", "1: name has 33 bytes, at most 32");
    refused("name: \"a\\0b\"\n", "1: name has a NUL character in it");
    refused("name: [a]\n", "1: name is a list, not a single value");
    refused("name: a\npeers: b\n", "2: peers is a single value, not a list");
    refused("name: a\nfirst: [b]\n", "2: first is a list, not a mapping of keys");
    refused("name: a\nwords: []\n", "2: words has 0 entries, accepted are 1 to 3");
    refused("name: a\nwords: [a, b, c, d]\n", "2: words has 4 entries, accepted are 1 to 3");
    refused("- a\n", "1: file is a list, not a mapping of keys");
}

/*
 * Goal:   what is not one YAML document is refused.
 * Method: syntax errors, nothing, two documents, aliases, bytes that are no text.
 */
Test(yaml, refuses_files)
{
    refused("name: a\nwords:\n  - a\n -b\n", "4: not YAML: did not find expected key");
    refused("name: a\nwords: [a\n", "3: not YAML: did not find expected ',' or ']'");
    refused("", "1: file is empty");
    refused("# nothing\n", "1: file is empty");
    refused("name: a\n---\nname: b\n", "3: a second document");
    refused_bytes("name: \xff\xfe\n", 9, "1: not YAML: invalid leading UTF-8 octet");
    refused("name: &n a\nwords: [*n]\n", "2: YAML alias unsupported");
}

/*
 * Goal:   every file shorter than a good one is read or refused, and nothing else.
 * Method: cut a good file at each of its bytes.
 */
Test(yaml, survives_every_cut)
{
    static const char good[] = "name: a\npeers: [{rpc: x, gossip: y}]\nlevel: low\n";

    for (size_t len = 0; len < sizeof good; len++) {
        struct tamga_detail detail = {""};
        void *out = NULL;
        enum tamga_err err;

        file_write(good, len);
        err = tamga_yaml_load(path, &schema, &out, &detail);
        cr_assert(err == TAMGA_OK || (err == TAMGA_E_USAGE && detail.text[0] != '\0'),
                  "%zu: %x", len, err);
        tamga_yaml_free(&schema, out);
    }
}

/*
 * Goal:   files that cannot be read, are no files or are too long have their own reasons.
 * Method: an absent one, a folder, one of exactly the bound and one byte more.
 */
Test(yaml, refuses_unreadable_files)
{
    static char large[TAMGA_YAML_BYTES_MAX + 1];
    struct tamga_detail detail;
    void *out = NULL;

    cr_assert_eq(tamga_yaml_load("/tmp/tamga-absent/x", &schema, &out, &detail),
                 TAMGA_E_FILE_IO);
    cr_assert_str_eq(detail.text, "/tmp/tamga-absent/x: No such file or directory");
    cr_assert_eq(tamga_yaml_load("/tmp", &schema, &out, &detail), TAMGA_E_USAGE);
    cr_assert_str_eq(detail.text, "/tmp: not a regular file");

    memset(large, '\n', sizeof large);
    memcpy(large, "name: a\n", 8);
    refused_bytes(large, sizeof large, " longer than 1048576 bytes");
    file_write(large, TAMGA_YAML_BYTES_MAX);
    cr_assert_eq(tamga_yaml_load(path, &schema, &out, &detail), TAMGA_OK);
    tamga_yaml_free(&schema, out);
}

static void refuse_line(const char *where, const char *expected)
{
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_yaml_refuse(&detail, path, where, "%s", "bad"), TAMGA_E_USAGE);
    cr_assert_str_eq(detail.text + strlen(path) + 1, expected);
}

/*
 * Goal:   a value judged by the caller is refused at its line.
 * Method: places that are there, places that are not, no file at all.
 */
Test(yaml, tells_the_line_of_a_value)
{
    static const char yaml[] = "name: a\npeers:\n  - rpc: x\n    gossip: y\n  - rpc: z\n";

    file_write(yaml, strlen(yaml));
    refuse_line("name", "1: bad");
    refuse_line("peers[0].gossip", "4: bad");
    refuse_line("peers[1].rpc", "5: bad");
    refuse_line("peers[1].gossip", "5: bad");
    refuse_line("peers[7].rpc", "3: bad");
    refuse_line("nothing.there", "1: bad");
    refuse_line("name[0]", "1: bad");
    refuse_line("[", "1: bad");
    refuse_line("", "1: bad");
    unlink(path);
    refuse_line("peers[1]", "1: bad");
}

/*
 * Goal:   a relative path is meant from the file's folder.
 * Method: relative, absolute, a file without a folder; empty and too long refused.
 */
Test(yaml, resolves_paths)
{
    static char longest[TAMGA_PATH_MAX + 1];
    char out[TAMGA_PATH_MAX] = "untouched";

    cr_assert_eq(tamga_path_beside(out, "/etc/tamga/node.yaml", ""), TAMGA_E_USAGE);
    memset(longest, 'x', TAMGA_PATH_MAX - 2);
    cr_assert_eq(tamga_path_beside(out, "a/b", longest), TAMGA_E_USAGE);
    cr_assert_str_eq(out, "untouched");
    cr_assert_eq(tamga_path_beside(out, "/etc/tamga/node.yaml", "key.pem"), TAMGA_OK);
    cr_assert_str_eq(out, "/etc/tamga/key.pem");
    cr_assert_eq(tamga_path_beside(out, "/etc/tamga/node.yaml", "/a"), TAMGA_OK);
    cr_assert_str_eq(out, "/a");
    cr_assert_eq(tamga_path_beside(out, "node.yaml", "a/b"), TAMGA_OK);
    cr_assert_str_eq(out, "a/b");
}
