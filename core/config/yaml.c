/* Reads the file once, judges the tree, then lets libcyaml fill in the struct. */
#include "config/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/span.h"

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static enum tamga_err file_read(struct tamga_buf *out, const char *path,
                                struct tamga_detail *detail)
{
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    TAMGA_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat info;
    enum tamga_err err;

    if (fd < 0 || fstat(fd, &info) != 0)
        return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.180s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.180s: not a regular file", path);
    err = tamga_buf_reserve(out, TAMGA_YAML_BYTES_MAX + 1);
    if (err != TAMGA_OK)
        return err;
    while (out->len <= TAMGA_YAML_BYTES_MAX) {
        ssize_t got = read(fd, out->data + out->len, TAMGA_YAML_BYTES_MAX + 1 - out->len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return tamga_refuse(detail, TAMGA_E_FILE_IO, "%.180s: %s", path, strerror(errno));
        if (got == 0)
            return TAMGA_OK;
        out->len += (size_t)got;
    }
    return tamga_refuse(detail, TAMGA_E_USAGE, "%.180s: longer than %u bytes", path,
                        TAMGA_YAML_BYTES_MAX);
}

/* ---- the tree ---------------------------------------------------------------- */

/* One document of a file, or why there is none. */
struct tree {
    yaml_parser_t parser;
    yaml_document_t document;
    bool has_parser, has_document;
};

static void tree_clear(struct tree *tree)
{
    if (tree->has_document)
        yaml_document_delete(&tree->document);
    if (tree->has_parser)
        yaml_parser_delete(&tree->parser);
}

static enum tamga_err tree_fault(const struct tree *tree, const char *path,
                                 struct tamga_detail *detail)
{
    if (tree->parser.error == YAML_MEMORY_ERROR)
        return TAMGA_E_NO_MEMORY;
    return tamga_refuse(detail, TAMGA_E_USAGE, "%.120s:%zu: not YAML: %s", path,
                        tree->parser.problem_mark.line + 1,
                        tree->parser.problem ? tree->parser.problem : "unreadable");
}

static enum tamga_err tree_load(struct tree *tree, const char *path, struct tamga_span bytes,
                                struct tamga_detail *detail)
{
    if (!yaml_parser_initialize(&tree->parser))
        return TAMGA_E_NO_MEMORY;
    tree->has_parser = true;
    yaml_parser_set_input_string(&tree->parser, bytes.data, bytes.len);
    if (!yaml_parser_load(&tree->parser, &tree->document))
        return tree_fault(tree, path, detail);
    tree->has_document = true;
    return TAMGA_OK;
}

/* What follows the document may only be the end: another would be ignored unseen. */
static enum tamga_err tree_check_end(struct tree *tree, const char *path,
                                     struct tamga_detail *detail)
{
    yaml_document_t more;
    const yaml_node_t *root;
    size_t line;

    if (!yaml_parser_load(&tree->parser, &more))
        return tree_fault(tree, path, detail);
    root = yaml_document_get_root_node(&more);
    line = root ? root->start_mark.line + 1 : 0;
    yaml_document_delete(&more);
    if (line > 0)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.180s:%zu: a second document", path, line);
    return TAMGA_OK;
}

static enum tamga_err judge_bytes(const char *path, const cyaml_schema_value_t *schema,
                                  struct tamga_span bytes, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tree_clear) struct tree tree = {0};
    struct tamga_yaml_fault fault = {0};
    enum tamga_err err = tree_load(&tree, path, bytes, detail);

    if (err != TAMGA_OK)
        return err;
    if (!tamga_yaml_judge(&tree.document, schema, &fault))
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.120s:%zu: %s", path, fault.line,
                            fault.text);
    return tree_check_end(&tree, path, detail);
}

/* ---- filling in -------------------------------------------------------------- */

/* What libcyaml logs: the reason, then where, innermost first. */
struct report {
    char text[128];
    unsigned line;
};

static void report_take(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct report *report = context;
    char text[256];
    const char *line;

    (void)level;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    line = strstr(text, "(line: ");
    if (line != NULL && report->line == 0)
        report->line = (unsigned)strtoul(line + strlen("(line: "), NULL, 10);
    else if (line == NULL && report->text[0] == '\0' && strncmp(text, "Load: ", 6) == 0 &&
             strcmp(text, "Load: Backtrace:") != 0)
        snprintf(report->text, sizeof report->text, "%.120s", text + 6);
}

static cyaml_config_t config(struct report *report)
{
    return (cyaml_config_t){
        .log_fn = report_take,
        .log_ctx = report,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

enum tamga_err tamga_yaml_load(const char *path, const cyaml_schema_value_t *schema,
                               void **out, struct tamga_detail *detail)
{
    TAMGA_BUF bytes = {0};
    struct report report = {0};
    cyaml_config_t cyaml = config(&report);
    void *data = NULL;
    cyaml_err_t failed;
    enum tamga_err err = file_read(&bytes, path, detail);

    if (err == TAMGA_OK)
        err = judge_bytes(path, schema, tamga_buf_span(&bytes), detail);
    if (err != TAMGA_OK)
        return err;
    failed = cyaml_load_data(bytes.data, bytes.len, &cyaml, schema, &data, NULL);
    if (failed == CYAML_ERR_OOM)
        return TAMGA_E_NO_MEMORY;
    if (failed != CYAML_OK)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%.120s:%u: %s", path,
                            report.line ? report.line : 1,
                            report.text[0] ? report.text : cyaml_strerror(failed));
    *out = data;
    return TAMGA_OK;
}

void tamga_yaml_free(const cyaml_schema_value_t *schema, void *data)
{
    struct report report = {0};
    cyaml_config_t cyaml = config(&report);

    if (data != NULL)
        cyaml_free(&cyaml, schema, data, 0);
}

/* ---- values that were read ---------------------------------------------------- */

static const yaml_node_t *item_at(yaml_document_t *document, const yaml_node_t *sequence,
                                  unsigned long index)
{
    const yaml_node_item_t *item = sequence->data.sequence.items.start;

    if (sequence->type != YAML_SEQUENCE_NODE ||
        index >= (unsigned long)(sequence->data.sequence.items.top - item))
        return NULL;
    return yaml_document_get_node(document, item[index]);
}

/* Line of what `where` names, or of the last thing on the way that is there. */
static size_t line_of(yaml_document_t *document, const char *where)
{
    const yaml_node_t *node = yaml_document_get_root_node(document);
    size_t line = 1;

    while (node != NULL) {
        size_t len = strcspn(where, ".[");

        line = node->start_mark.line + 1;
        if (*where == '\0')
            break;
        if (*where == '[') {
            char *end;

            node = item_at(document, node, strtoul(where + 1, &end, 10));
            where = *end == ']' ? end + 1 : end;
        } else {
            node = tamga_yaml_child(document, node, where, len);
            where += len;
        }
        where += *where == '.';
    }
    return line;
}

static size_t line_find(const char *path, const char *where)
{
    TAMGA_CLEANUP(tree_clear) struct tree tree = {0};
    TAMGA_BUF bytes = {0};

    if (file_read(&bytes, path, NULL) != TAMGA_OK ||
        tree_load(&tree, path, tamga_buf_span(&bytes), NULL) != TAMGA_OK)
        return 1; /* it changed meanwhile */
    return line_of(&tree.document, where);
}

enum tamga_err tamga_yaml_refuse(struct tamga_detail *detail, const char *path,
                                 const char *where, const char *format, ...)
{
    char text[TAMGA_DETAIL_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return tamga_refuse(detail, TAMGA_E_USAGE, "%.120s:%zu: %s", path, line_find(path, where),
                        text);
}

enum tamga_err tamga_path_beside(char out[TAMGA_PATH_MAX], const char *file,
                                 const char *path)
{
    const char *slash = path[0] == '/' ? NULL : strrchr(file, '/');
    int folder = slash ? (int)(slash - file) + 1 : 0;

    if (path[0] == '\0' || strlen(path) + (size_t)folder >= TAMGA_PATH_MAX)
        return TAMGA_E_USAGE;
    snprintf(out, TAMGA_PATH_MAX, "%.*s%s", folder, file, path);
    return TAMGA_OK;
}
