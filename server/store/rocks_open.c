/*
 * Judging a folder, then opening or creating the database in it. Refusals come before
 * the first change, and nothing is ever repaired or rebuilt: a person decides.
 */
#include "store/rocks_private.h"

#include <stdlib.h>

#define SCHEMA 2
#define RESTORE "restore it from a backup, or sync anew into an empty folder"

static void folder_release(struct tamga_folder *folder)
{
    tamga_folder_clear(folder);
}

static enum tamga_err refuse_text(struct tamga_detail *detail, const char *path, char *text)
{
    enum tamga_err err = tamga_rocks_err(text);

    if (err == TAMGA_E_STORE_CORRUPT)
        tamga_refuse(detail, err, "%.60s is damaged; " RESTORE ". %.120s", path, text);
    else
        tamga_refuse(detail, err, "%.60s: %.180s", path, text);
    rocksdb_free(text);
    return err;
}

/* A folder without CURRENT: empty, or left by a creation that was interrupted. */
static enum tamga_err fresh_check(const struct tamga_folder *folder,
                                  const struct tamga_folder_look *look,
                                  struct tamga_detail *detail)
{
    if (look->has_data)
        return tamga_refuse(detail, TAMGA_E_STORE_CORRUPT,
                            "%.100s has a database's files but not CURRENT; " RESTORE,
                            folder->path);
    if (look->strange[0] != '\0')
        return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                            "%.100s holds %s and no database; name an empty folder",
                            folder->path, look->strange);
    return TAMGA_OK;
}

static bool is_family(const char *name)
{
    for (size_t i = 0; i < TAMGA_ROCKS_FAMILY_COUNT; i++)
        if (strcmp(name, tamga_rocks_family_name[i]) == 0)
            return true;
    return false;
}

/*
 * Families are missing when the first creation was interrupted (then there is no data
 * yet), when the database is another program's, or when its MANIFEST was cut.
 */
static enum tamga_err families_judge(const struct tamga_folder *folder, char **name,
                                     size_t count, bool has_data,
                                     struct tamga_detail *detail)
{
    for (size_t i = 0; i < count; i++)
        if (!is_family(name[i]))
            return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                                "%.80s has the column family %.40s: another program's or "
                                "a newer version's database; name another folder",
                                folder->path, name[i]);
    if (count == TAMGA_ROCKS_FAMILY_COUNT || !has_data)
        return TAMGA_OK;
    if (count <= 1)
        return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                            "%.80s holds a database without column families: another "
                            "program's; name another folder", folder->path);
    return tamga_refuse(detail, TAMGA_E_STORE_CORRUPT,
                        "%.80s has %zu of %d column families: MANIFEST was cut; " RESTORE,
                        folder->path, count, TAMGA_ROCKS_FAMILY_COUNT);
}

static enum tamga_err families_check(const struct tamga_folder *folder, bool has_data,
                                     struct tamga_detail *detail)
{
    rocksdb_options_t *options = rocksdb_options_create();
    char *text = NULL;
    size_t count = 0;
    char **name = rocksdb_list_column_families(options, folder->path, &count, &text);
    enum tamga_err err;

    rocksdb_options_destroy(options);
    err = text != NULL ? refuse_text(detail, folder->path, text)
                       : families_judge(folder, name, count, has_data, detail);
    rocksdb_list_column_families_destroy(name, count); /* a list even after a failure */
    return err;
}

static enum tamga_err folder_judge(const struct tamga_folder *folder, bool *fresh,
                                   struct tamga_detail *detail)
{
    struct tamga_folder_look look;
    enum tamga_err err = tamga_folder_look(folder, &look, detail);

    if (err != TAMGA_OK)
        return err;
    *fresh = !look.has_current;
    err = tamga_folder_note_check(folder, detail);
    if (err != TAMGA_OK)
        return err;
    if (*fresh)
        return fresh_check(folder, &look, detail);
    return families_check(folder, look.has_data, detail);
}

static enum tamga_err database_open(struct rocks *rocks, const struct tamga_folder *folder,
                                    bool fresh, struct tamga_detail *detail)
{
    struct tamga_rocks_options options;
    char *text = NULL;

    tamga_rocks_options_init(&options, fresh);
    rocks->db = rocksdb_open_column_families(
        options.db, folder->path, TAMGA_ROCKS_FAMILY_COUNT, tamga_rocks_family_name,
        (const rocksdb_options_t *const *)options.family, rocks->handle, &text);
    tamga_rocks_options_clear(&options);
    return text == NULL ? TAMGA_OK : refuse_text(detail, folder->path, text);
}

static struct tamga_span key_chain(void)
{
    return tamga_span_text("chain");
}

static struct tamga_span key_schema(void)
{
    return tamga_span_text("schema");
}

static bool note_any(void *context, struct tamga_span key, struct tamga_span value)
{
    (void)key;
    (void)value;
    *(bool *)context = true;
    return false;
}

/* Durable before anything else is written; only an empty database is marked. */
static enum tamga_err mark_write(struct tamga_store *store, const struct tamga_scope *chain,
                                 struct tamga_detail *detail)
{
    uint8_t schema[4];
    const struct tamga_write write[] = {
        {TAMGA_FAMILY_META, false, key_chain(), tamga_hash_span(&chain->hash)},
        {TAMGA_FAMILY_META, false, key_schema(), tamga_span(schema, sizeof schema)},
    };
    bool any = false;
    enum tamga_err err = TAMGA_OK;

    for (int i = 0; i < TAMGA_FAMILY_COUNT && err == TAMGA_OK; i++)
        err = store->reader.ops->scan(&store->reader, (enum tamga_family)i,
                                      (struct tamga_span){0}, (struct tamga_span){0},
                                      note_any, &any);
    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "the database cannot be read");
    if (any)
        return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                            "the database holds data and no chain's mark: not one of "
                            "ours; name another folder");
    tamga_put_u32(schema, SCHEMA);
    err = store->ops->write(store, write, sizeof write / sizeof write[0], true);
    return err == TAMGA_OK ? err : tamga_refuse(detail, err, "cannot mark the database");
}

static enum tamga_err schema_check(const struct tamga_buf *schema,
                                   struct tamga_detail *detail)
{
    uint32_t found;

    if (schema->len != 4)
        return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                            "schema mark has %zu bytes, not 4: not a version this program "
                            "knows", schema->len);
    found = tamga_get_u32(schema->data);
    if (found == SCHEMA)
        return TAMGA_OK;
    return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                        "database has schema %u, this program knows %d; %s", found, SCHEMA,
                        found > SCHEMA ? "run the newer program, or name an empty folder"
                                       : "name an empty folder");
}

static enum tamga_err chain_check(const struct tamga_buf *found,
                                  const struct tamga_scope *chain,
                                  struct tamga_detail *detail)
{
    char held[TAMGA_HEX_CHARS] = "(none)";
    char wanted[TAMGA_HEX_CHARS];

    if (tamga_span_equal(tamga_buf_span(found), tamga_hash_span(&chain->hash)))
        return TAMGA_OK;
    tamga_to_hex(wanted, chain->hash.byte, TAMGA_HASH_BYTES);
    if (found->len == TAMGA_HASH_BYTES)
        tamga_to_hex(held, found->data, TAMGA_HASH_BYTES);
    return tamga_refuse(detail, TAMGA_E_STORE_FOREIGN,
                        "database is of chain %s, not of %s; check genesis, or name "
                        "another folder", held, wanted);
}

static enum tamga_err mark_check(struct tamga_store *store, const struct tamga_scope *chain,
                                 struct tamga_detail *detail)
{
    TAMGA_BUF held = {0};
    TAMGA_BUF schema = {0};
    const struct tamga_view *view = &store->reader.view;
    enum tamga_err held_err = tamga_view_get(view, TAMGA_FAMILY_META, key_chain(), &held);
    enum tamga_err schema_err = tamga_view_get(view, TAMGA_FAMILY_META, key_schema(),
                                               &schema);

    if (held_err == TAMGA_E_NOT_FOUND && schema_err == TAMGA_E_NOT_FOUND)
        return mark_write(store, chain, detail);
    if (held_err != TAMGA_OK && held_err != TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, held_err, "the database cannot be read");
    if (schema_err != TAMGA_OK && schema_err != TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, schema_err, "the database cannot be read");
    schema_err = schema_check(&schema, detail); /* first: it says how to read the rest */
    return schema_err != TAMGA_OK ? schema_err : chain_check(&held, chain, detail);
}

enum tamga_err tamga_rocks_open(struct tamga_store **out, const char *path,
                                const struct tamga_scope *chain,
                                struct tamga_detail *detail)
{
    TAMGA_CLEANUP(folder_release) struct tamga_folder folder = {.fd = -1};
    struct rocks *rocks;
    bool fresh = false;
    enum tamga_err err = tamga_folder_open(&folder, path, detail);

    if (err == TAMGA_OK)
        err = folder_judge(&folder, &fresh, detail);
    if (err == TAMGA_OK)
        err = tamga_folder_note_drop(&folder, detail);
    if (err != TAMGA_OK)
        return err;
    rocks = calloc(1, sizeof *rocks);
    if (rocks == NULL)
        return TAMGA_E_NO_MEMORY;
    err = database_open(rocks, &folder, fresh, detail);
    if (err != TAMGA_OK) {
        free(rocks);
        return err;
    }
    tamga_rocks_init(rocks);
    rocks->folder = folder; /* the lock is the store's from here on */
    folder.fd = -1;
    err = mark_check(&rocks->store, chain, detail);
    if (err != TAMGA_OK) {
        rocks->store.ops->close(&rocks->store);
        return err;
    }
    *out = &rocks->store;
    return TAMGA_OK;
}
