/* The schema's demands on a YAML tree, one type after the other. */
#include "config/judge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct judge {
    yaml_document_t *document;
    struct tamga_yaml_fault *fault;
};

static bool judge_value(struct judge *judge, const char *name,
                        const cyaml_schema_value_t *schema, const yaml_node_t *node,
                        unsigned depth);

static bool fail(struct judge *judge, const yaml_node_t *node, const char *format, ...)
    TAMGA_PRINTF(3, 4);

static bool fail(struct judge *judge, const yaml_node_t *node, const char *format, ...)
{
    va_list args;

    judge->fault->line = node->start_mark.line + 1;
    va_start(args, format);
    vsnprintf(judge->fault->text, sizeof judge->fault->text, format, args);
    va_end(args);
    return false;
}

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static const char *kind_of(const yaml_node_t *node)
{
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return "a single value";
    case YAML_SEQUENCE_NODE:
        return "a list";
    case YAML_MAPPING_NODE:
        return "a mapping";
    case YAML_NO_NODE:
        break;
    }
    return "nothing";
}

static bool is_text(const yaml_node_t *node, const char *text, size_t len)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == len &&
           memcmp(node->data.scalar.value, text, len) == 0;
}

yaml_node_t *tamga_yaml_child(yaml_document_t *document, const yaml_node_t *mapping,
                              const char *key, size_t key_len)
{
    const yaml_node_pair_t *pair;

    if (mapping->type != YAML_MAPPING_NODE)
        return NULL;
    for (pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top;
         pair++)
        if (is_text(yaml_document_get_node(document, pair->key), key, key_len))
            return yaml_document_get_node(document, pair->value);
    return NULL;
}

/* ---- single values ----------------------------------------------------------- */

static bool judge_string(struct judge *judge, const char *name,
                         const cyaml_schema_value_t *schema, const yaml_node_t *node)
{
    size_t len = node->data.scalar.length;

    if (len < schema->string.min)
        return fail(judge, node, "%s is empty or too short, at least %" PRIu32 " bytes", name,
                    schema->string.min);
    if (len > schema->string.max)
        return fail(judge, node, "%s has %zu bytes, at most %" PRIu32, name, len,
                    schema->string.max);
    return true;
}

static bool judge_bool(struct judge *judge, const char *name, const yaml_node_t *node)
{
    static const char *const word[] = {"true", "false", "yes", "no", "on", "off"};

    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (strcasecmp(text_of(node), word[i]) == 0)
            return true;
    return fail(judge, node, "%s is \"%.40s\", neither true nor false", name, text_of(node));
}

static bool is_decimal(const char *text, bool negative)
{
    size_t len;

    if (negative && text[0] == '-')
        text++;
    len = strspn(text, "0123456789");
    return len > 0 && text[len] == '\0' && (len == 1 || text[0] != '0');
}

static bool judge_uint(struct judge *judge, const char *name,
                       const cyaml_schema_value_t *schema, const yaml_node_t *node)
{
    uint64_t max = UINT64_MAX >> (64 - 8 * schema->data_size);
    unsigned long long value;

    if (!is_decimal(text_of(node), false))
        return fail(judge, node, "%s is \"%.40s\", not a decimal number", name, text_of(node));
    errno = 0;
    value = strtoull(text_of(node), NULL, 10);
    if (errno != 0 || value > max)
        return fail(judge, node, "%s is %.40s, at most %" PRIu64, name, text_of(node), max);
    return true;
}

static bool judge_int(struct judge *judge, const char *name,
                      const cyaml_schema_value_t *schema, const yaml_node_t *node)
{
    int64_t max = INT64_MAX >> (64 - 8 * schema->data_size);
    long long value;

    if (!is_decimal(text_of(node), true))
        return fail(judge, node, "%s is \"%.40s\", not a decimal number", name, text_of(node));
    errno = 0;
    value = strtoll(text_of(node), NULL, 10);
    if (errno != 0 || value > max || value < -max - 1)
        return fail(judge, node, "%s is %.40s, accepted are %" PRId64 " to %" PRId64, name,
                    text_of(node), -max - 1, max);
    return true;
}

static bool judge_enum(struct judge *judge, const char *name,
                       const cyaml_schema_value_t *schema, const yaml_node_t *node)
{
    char words[128] = "";
    size_t len = 0;

    for (uint32_t i = 0; i < schema->enumeration.count && len < sizeof words; i++) {
        const char *word = schema->enumeration.strings[i].str;

        if (strcmp(text_of(node), word) == 0)
            return true;
        len += (size_t)snprintf(words + len, sizeof words - len, "%s%s", i > 0 ? ", " : "",
                                word);
    }
    return fail(judge, node, "%s is \"%.40s\", accepted are %s", name, text_of(node), words);
}

static bool judge_scalar(struct judge *judge, const char *name,
                         const cyaml_schema_value_t *schema, const yaml_node_t *node)
{
    bool nullable = (schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL;

    if (node->type != YAML_SCALAR_NODE)
        return fail(judge, node, "%s is %s, not a single value", name, kind_of(node));
    if (strlen(text_of(node)) != node->data.scalar.length)
        return fail(judge, node, "%s has a NUL character in it", name);
    if (nullable && node->data.scalar.length == 0)
        return true;
    switch ((int)schema->type) {
    case CYAML_STRING:
        return judge_string(judge, name, schema, node);
    case CYAML_BOOL:
        return judge_bool(judge, name, node);
    case CYAML_UINT:
        return judge_uint(judge, name, schema, node);
    case CYAML_INT:
        return judge_int(judge, name, schema, node);
    case CYAML_ENUM:
        return judge_enum(judge, name, schema, node);
    default: /* floats: libcyaml's own judgement */
        return true;
    }
}

/* ---- lists and mappings ------------------------------------------------------ */

static bool judge_sequence(struct judge *judge, const char *name,
                           const cyaml_schema_value_t *schema, const yaml_node_t *node,
                           unsigned depth)
{
    const yaml_node_item_t *item;
    size_t count;

    if (node->type != YAML_SEQUENCE_NODE)
        return fail(judge, node, "%s is %s, not a list", name, kind_of(node));
    count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (count < schema->sequence.min || count > schema->sequence.max)
        return fail(judge, node, "%s has %zu entries, accepted are %" PRIu32 " to %" PRIu32,
                    name, count, schema->sequence.min, schema->sequence.max);
    for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++)
        if (!judge_value(judge, name, schema->sequence.entry,
                         yaml_document_get_node(judge->document, *item), depth))
            return false;
    return true;
}

static const cyaml_schema_field_t *field_find(const cyaml_schema_field_t *field,
                                              const yaml_node_t *key)
{
    for (; field->key != NULL; field++)
        if (is_text(key, field->key, strlen(field->key)))
            return field;
    return NULL;
}

static bool judge_required(struct judge *judge, const char *name,
                           const cyaml_schema_field_t *field, const yaml_node_t *node)
{
    for (; field->key != NULL; field++)
        if ((field->value.flags & CYAML_FLAG_OPTIONAL) == 0 &&
            tamga_yaml_child(judge->document, node, field->key, strlen(field->key)) == NULL)
            return fail(judge, node, "%s lacks the key \"%s\"", name, field->key);
    return true;
}

static bool judge_mapping(struct judge *judge, const char *name,
                          const cyaml_schema_value_t *schema, const yaml_node_t *node,
                          unsigned depth)
{
    const yaml_node_pair_t *pair;

    if (node->type != YAML_MAPPING_NODE)
        return fail(judge, node, "%s is %s, not a mapping of keys", name, kind_of(node));
    for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(judge->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(judge->document, pair->value);
        const cyaml_schema_field_t *field;

        if (key->type != YAML_SCALAR_NODE)
            return fail(judge, key, "a key of %s is %s", name, kind_of(key));
        field = field_find(schema->mapping.fields, key);
        if (field == NULL)
            return fail(judge, key, "unknown key \"%.60s\"", text_of(key));
        if (tamga_yaml_child(judge->document, node, field->key, strlen(field->key)) != value)
            return fail(judge, key, "key \"%s\" is here twice", field->key);
        if (!judge_value(judge, field->key, &field->value, value, depth))
            return false;
    }
    return judge_required(judge, name, schema->mapping.fields, node);
}

static bool judge_value(struct judge *judge, const char *name,
                        const cyaml_schema_value_t *schema, const yaml_node_t *node,
                        unsigned depth)
{
    if (depth >= TAMGA_YAML_DEPTH_MAX)
        return fail(judge, node, "%s lies too deep", name);
    switch ((int)schema->type) {
    case CYAML_MAPPING:
        return judge_mapping(judge, name, schema, node, depth + 1);
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED:
        return judge_sequence(judge, name, schema, node, depth + 1);
    case CYAML_FLAGS:
    case CYAML_BITFIELD:
    case CYAML_IGNORE:
        return true; /* libcyaml's own judgement */
    default:
        return judge_scalar(judge, name, schema, node);
    }
}

bool tamga_yaml_judge(yaml_document_t *document, const cyaml_schema_value_t *schema,
                      struct tamga_yaml_fault *fault)
{
    struct judge judge = {document, fault};
    const yaml_node_t *root = yaml_document_get_root_node(document);

    if (root == NULL) {
        *fault = (struct tamga_yaml_fault){1, "file is empty"};
        return false;
    }
    return judge_value(&judge, "file", schema, root, 0);
}
