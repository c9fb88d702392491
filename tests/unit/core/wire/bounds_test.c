#include "wire/bounds.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "types.h"

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < test_types_count; i++)
        if (strcmp(test_types[i]->short_name, name) == 0)
            return true;
    return false;
}

static size_t check_proto(const char *file)
{
    char path[512], line[256], name[128];
    size_t count = 0;
    FILE *in;

    snprintf(path, sizeof path, "%s/%s", TAMGA_TEST_PROTOS, file);
    in = fopen(path, "r");
    cr_assert_not_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        if (sscanf(line, " message %127[A-Za-z0-9_]", name) != 1)
            continue;
        cr_assert(is_listed(name), "%s: %s is not in types.c", file, name);
        count++;
    }
    fclose(in);
    return count;
}

/*
 * Goal:   the tests that hold for all types see all types.
 * Method: read the proto files; each message they name is in the list, and no other.
 */
Test(bounds, list_of_types_is_complete)
{
    DIR *folder = opendir(TAMGA_TEST_PROTOS);
    struct dirent *entry;
    size_t count = 0;

    cr_assert_not_null(folder);
    while ((entry = readdir(folder)) != NULL)
        /* What view.proto names is printed, never read from a peer. */
        if (strstr(entry->d_name, ".proto") != NULL &&
            strcmp(entry->d_name, "view.proto") != 0)
            count += check_proto(entry->d_name);
    closedir(folder);
    cr_assert_eq(count, test_types_count);
}

static bool is_blob(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_STRING ||
           field->type == PROTOBUF_C_TYPE_BYTES;
}

static void check_row(const ProtobufCMessageDescriptor *type,
                      const ProtobufCFieldDescriptor *field)
{
    const struct tamga_bound *row = tamga_bound_find(type, field->id);
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;

    if (!is_blob(field) && !repeated) {
        cr_assert_null(row, "%s.%s", type->name, field->name);
        return;
    }
    cr_assert_not_null(row, "%s.%s", type->name, field->name);
    cr_assert_eq(row->count_max > 0, repeated, "%s.%s", type->name, field->name);
    cr_assert_eq(row->len_max > 0, is_blob(field), "%s.%s", type->name, field->name);
    cr_assert_leq(row->len_min, row->len_max, "%s.%s", type->name, field->name);
    /* "At most" and the library's int lengths never meet. */
    cr_assert_leq(row->len_max, 4u << 20, "%s.%s", type->name, field->name);
}

/*
 * Goal:   nothing with a length or a count is unbounded.
 * Method: walk every field of every type.
 */
Test(bounds, every_string_bytes_and_repeated_field_has_a_row)
{
    for (size_t i = 0; i < test_types_count; i++)
        for (unsigned f = 0; f < test_types[i]->n_fields; f++)
            check_row(test_types[i], &test_types[i]->fields[f]);
}

/*
 * Goal:   a type or a field without a row has none.
 * Method: a type without rows, and a field number that a type with rows does not have.
 */
Test(bounds, find_knows_what_is_not_there)
{
    ProtobufCMessageDescriptor foreign = {0};

    cr_assert_null(tamga_bound_find(&foreign, 1));
    cr_assert_null(tamga_bound_find(test_types[0], 77));
}

/* Levels of messages below and with this one; fails on a type that contains itself. */
static unsigned depth_of(const ProtobufCMessageDescriptor *type, unsigned above)
{
    unsigned deepest = 0;

    cr_assert_lt(above, TAMGA_WIRE_DEPTH_MAX, "%s is recursive or too deep",
                 type->name);
    for (unsigned f = 0; f < type->n_fields; f++) {
        unsigned depth;

        if (type->fields[f].type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        depth = depth_of(type->fields[f].descriptor, above + 1);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/*
 * Goal:   the judge can read every type: none contains itself, none is too deep or has
 *         too many fields, and all fields are of the kinds that it knows.
 * Method: walk all types.
 */
Test(bounds, types_fit_the_judge)
{
    for (size_t i = 0; i < test_types_count; i++) {
        const ProtobufCMessageDescriptor *type = test_types[i];

        cr_assert_leq(depth_of(type, 0), TAMGA_WIRE_DEPTH_MAX);
        cr_assert_leq(type->n_fields, TAMGA_WIRE_FIELDS_MAX, "%s", type->name);
        for (unsigned f = 0; f < type->n_fields; f++) {
            ProtobufCType kind = type->fields[f].type;

            cr_assert(
                kind == PROTOBUF_C_TYPE_UINT32 || kind == PROTOBUF_C_TYPE_UINT64 ||
                    kind == PROTOBUF_C_TYPE_BOOL || kind == PROTOBUF_C_TYPE_ENUM ||
                    kind == PROTOBUF_C_TYPE_MESSAGE || is_blob(&type->fields[f]),
                "%s.%s", type->name, type->fields[f].name);
        }
    }
}
