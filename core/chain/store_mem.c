/*
 * The store in memory, for tests and the simulator. Must never know what a key means,
 * nor touch a file.
 *
 * A family is a treap that is never changed in place: a write builds new nodes along its
 * path and shares the rest, counted by references. So a snapshot, what the last sync
 * made durable, and the state before a batch that fails are each a set of roots.
 * Priorities are hashes of the keys: the same writes give the same tree on every run.
 */
#include "chain/store.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct entry {
    atomic_size_t refs;
    uint64_t priority; /* of the key alone: replaced entries keep their place */
    size_t key_len;
    size_t value_len;
    uint8_t bytes[]; /* key, value */
};

struct node {
    atomic_size_t refs;
    uint64_t start; /* of the key, so that most comparisons read nothing but nodes */
    struct entry *entry;
    struct node *left, *right;
};

struct forest {
    struct node *root[TAMGA_FAMILY_COUNT];
};

struct mem {
    struct tamga_store store; /* first: the ops cast back */
    pthread_mutex_t lock;     /* over all below; never held while a caller's code runs */
    struct forest now;
    struct forest synced;
    int64_t fail_writes;
    int64_t fail_reads;
    size_t snapshot_count;
};

struct snapshot {
    struct tamga_reader reader; /* first: the ops cast back */
    struct mem *mem;
    struct forest then;
};

static struct tamga_span entry_key(const struct entry *entry)
{
    return tamga_span(entry->bytes, entry->key_len);
}

static struct tamga_span entry_value(const struct entry *entry)
{
    return tamga_span(entry->bytes + entry->key_len, entry->value_len);
}

/* Eight bytes of a key as a number that orders like them; shorter keys end with zeros. */
static uint64_t start_of(struct tamga_span key)
{
    uint8_t start[8] = {0};

    if (key.len >= sizeof start)
        return tamga_get_u64(key.data);
    if (key.len > 0)
        memcpy(start, key.data, key.len);
    return tamga_get_u64(start);
}

/* A key against a node's; start is start_of(key). */
static int key_compare(uint64_t start, struct tamga_span key, const struct node *node)
{
    if (start != node->start)
        return start < node->start ? -1 : 1;
    return tamga_span_compare(key, entry_key(node->entry));
}

/* FNV-1a, then a finalizer: its low bits alone would order similar keys alike. */
static uint64_t priority_of(struct tamga_span key)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 0x100000001b3u;
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 33;
}

static struct entry *entry_new(struct tamga_span key, struct tamga_span value)
{
    struct entry *entry;

    if (key.len > SIZE_MAX / 4 || value.len > SIZE_MAX / 4)
        return NULL;
    entry = malloc(sizeof *entry + key.len + value.len);
    if (entry == NULL)
        return NULL;
    atomic_init(&entry->refs, 1);
    entry->priority = priority_of(key);
    entry->key_len = key.len;
    entry->value_len = value.len;
    if (key.len > 0)
        memcpy(entry->bytes, key.data, key.len);
    if (value.len > 0)
        memcpy(entry->bytes + key.len, value.data, value.len);
    return entry;
}

static void entry_release(struct entry *entry)
{
    if (atomic_fetch_sub(&entry->refs, 1) == 1)
        free(entry);
}

static struct node *node_retain(struct node *node)
{
    if (node != NULL)
        atomic_fetch_add(&node->refs, 1);
    return node;
}

/* Recursion is as deep as the tree: some 2 ln(n), about 50 for 100,000 entries. */
static void node_release(struct node *node)
{
    if (node == NULL || atomic_fetch_sub(&node->refs, 1) != 1)
        return;
    node_release(node->left);
    node_release(node->right);
    entry_release(node->entry);
    free(node);
}

/* Takes left and right in any case, on failure by releasing them. */
static enum tamga_err node_new(struct node **out, struct entry *entry, struct node *left,
                               struct node *right)
{
    struct node *node = malloc(sizeof *node);

    if (node == NULL) {
        node_release(left);
        node_release(right);
        return TAMGA_E_NO_MEMORY;
    }
    atomic_init(&node->refs, 1);
    atomic_fetch_add(&entry->refs, 1);
    node->start = start_of(entry_key(entry));
    node->entry = entry;
    node->left = left;
    node->right = right;
    *out = node;
    return TAMGA_OK;
}

/* What is below and above a key that the tree does not hold; both are the caller's. */
static enum tamga_err tree_split(struct node *tree, struct tamga_span key,
                                 struct node **below, struct node **above)
{
    struct node *low = NULL, *high = NULL;
    bool left = tree != NULL && key_compare(start_of(key), key, tree) < 0;
    enum tamga_err err;

    if (tree == NULL) {
        *below = *above = NULL;
        return TAMGA_OK;
    }
    err = tree_split(left ? tree->left : tree->right, key, &low, &high);
    if (err != TAMGA_OK)
        return err;
    if (left)
        err = node_new(&high, tree->entry, high, node_retain(tree->right));
    else
        err = node_new(&low, tree->entry, node_retain(tree->left), low);
    if (err != TAMGA_OK) {
        node_release(left ? low : high);
        return err;
    }
    *below = low;
    *above = high;
    return TAMGA_OK;
}

/* One tree of two, every key of `below` being lower than every key of `above`. */
static enum tamga_err tree_join(struct node **out, struct node *below, struct node *above)
{
    struct node *joined = NULL;
    enum tamga_err err;

    if (below == NULL || above == NULL) {
        *out = node_retain(below == NULL ? above : below);
        return TAMGA_OK;
    }
    if (below->entry->priority >= above->entry->priority) {
        err = tree_join(&joined, below->right, above);
        if (err != TAMGA_OK)
            return err;
        return node_new(out, below->entry, node_retain(below->left), joined);
    }
    err = tree_join(&joined, below, above->left);
    if (err != TAMGA_OK)
        return err;
    return node_new(out, above->entry, joined, node_retain(above->right));
}

static enum tamga_err tree_put(struct node **out, struct node *tree, struct entry *entry)
{
    struct node *left = NULL, *right = NULL;
    enum tamga_err err;
    int order;

    if (tree == NULL)
        return node_new(out, entry, NULL, NULL);
    order = key_compare(start_of(entry_key(entry)), entry_key(entry), tree);
    if (order == 0)
        return node_new(out, entry, node_retain(tree->left), node_retain(tree->right));
    if (entry->priority > tree->entry->priority) {
        /* An equal key has an equal priority, so none is below here. */
        err = tree_split(tree, entry_key(entry), &left, &right);
        return err != TAMGA_OK ? err : node_new(out, entry, left, right);
    }
    err = tree_put(order < 0 ? &left : &right, order < 0 ? tree->left : tree->right, entry);
    if (err != TAMGA_OK)
        return err;
    if (order < 0)
        return node_new(out, tree->entry, left, node_retain(tree->right));
    return node_new(out, tree->entry, node_retain(tree->left), right);
}

static enum tamga_err tree_erase(struct node **out, struct node *tree,
                                 struct tamga_span key)
{
    struct node *rest = NULL;
    enum tamga_err err;
    int order;

    if (tree == NULL) {
        *out = NULL;
        return TAMGA_OK;
    }
    order = key_compare(start_of(key), key, tree);
    if (order == 0)
        return tree_join(out, tree->left, tree->right);
    err = tree_erase(&rest, order < 0 ? tree->left : tree->right, key);
    if (err != TAMGA_OK)
        return err;
    if (order < 0)
        return node_new(out, tree->entry, rest, node_retain(tree->right));
    return node_new(out, tree->entry, node_retain(tree->left), rest);
}

static enum tamga_err tree_get(const struct node *tree, struct tamga_span key,
                               struct tamga_buf *value)
{
    uint64_t start = start_of(key);
    struct tamga_span found;
    enum tamga_err err;
    int order;

    while (tree != NULL && (order = key_compare(start, key, tree)) != 0)
        tree = order < 0 ? tree->left : tree->right;
    if (tree == NULL)
        return TAMGA_E_NOT_FOUND;
    found = entry_value(tree->entry);
    /* Room first: a failure leaves the caller's value as it was. */
    err = tamga_buf_reserve(value, found.len > value->len ? found.len - value->len : 0);
    return err != TAMGA_OK ? err : tamga_buf_set(value, found);
}

struct walk {
    struct tamga_span prefix;
    struct tamga_span start;
    tamga_each each;
    void *context;
};

static bool starts_with(struct tamga_span key, struct tamga_span prefix)
{
    return key.len >= prefix.len &&
           tamga_span_equal(tamga_span(key.data, prefix.len), prefix);
}

/* False once the walk is over: the caller had enough, or the prefix has ended. */
static bool tree_walk(const struct node *tree, const struct walk *walk)
{
    struct tamga_span key;

    if (tree == NULL)
        return true;
    key = entry_key(tree->entry);
    if (tamga_span_compare(key, walk->start) >= 0) {
        if (!tree_walk(tree->left, walk) || !starts_with(key, walk->prefix) ||
            !walk->each(walk->context, key, entry_value(tree->entry)))
            return false;
    }
    return tree_walk(tree->right, walk);
}

static void tree_scan(const struct node *tree, struct tamga_span prefix,
                      struct tamga_span from, tamga_each each, void *context)
{
    bool later = tamga_span_compare(from, prefix) > 0;
    struct walk walk = {prefix, later ? from : prefix, each, context};

    (void)tree_walk(tree, &walk);
}

static struct forest forest_copy(const struct forest *forest)
{
    for (int i = 0; i < TAMGA_FAMILY_COUNT; i++)
        node_retain(forest->root[i]);
    return *forest;
}

static void forest_release(struct forest *forest)
{
    for (int i = 0; i < TAMGA_FAMILY_COUNT; i++)
        node_release(forest->root[i]);
}

static enum tamga_err forest_write(struct forest *forest, const struct tamga_write *write)
{
    struct node **root = &forest->root[write->family];
    struct node *changed = NULL;
    struct entry *entry;
    enum tamga_err err;

    if (write->erase) {
        err = tree_erase(&changed, *root, write->key);
    } else {
        entry = entry_new(write->key, write->value);
        if (entry == NULL)
            return TAMGA_E_NO_MEMORY;
        err = tree_put(&changed, *root, entry);
        entry_release(entry);
    }
    if (err != TAMGA_OK)
        return err;
    node_release(*root);
    *root = changed;
    return TAMGA_OK;
}

/* Whether the countdown has come to its end; it ends once. */
static bool runs_out(int64_t *after)
{
    if (*after < 0)
        return false;
    return (*after)-- == 0;
}

static enum tamga_err forest_write_all(struct forest *forest,
                                       const struct tamga_write *write, size_t count)
{
    enum tamga_err err = TAMGA_OK;

    for (size_t i = 0; i < count && err == TAMGA_OK; i++) {
        assert((unsigned)write[i].family < TAMGA_FAMILY_COUNT);
        err = forest_write(forest, &write[i]);
    }
    return err;
}

/* One writer at a time, as the contract of a batch wants it. */
static enum tamga_err mem_write(struct tamga_store *store, const struct tamga_write *write,
                                size_t count, bool sync)
{
    struct mem *mem = (struct mem *)store;
    struct forest next, old;
    enum tamga_err err;

    pthread_mutex_lock(&mem->lock);
    next = forest_copy(&mem->now);
    err = runs_out(&mem->fail_writes) ? TAMGA_E_STORE_IO
                                      : forest_write_all(&next, write, count);
    if (err == TAMGA_OK) {
        old = mem->now;
        mem->now = next;
        next = old;
    }
    forest_release(&next);
    if (err == TAMGA_OK && sync) {
        old = mem->synced;
        mem->synced = forest_copy(&mem->now);
        forest_release(&old);
    }
    pthread_mutex_unlock(&mem->lock);
    return err;
}

/* Hold a root for one read, so that the lock need not be. */
static enum tamga_err mem_hold(struct mem *mem, const struct forest *forest,
                               enum tamga_family family, struct node **root)
{
    bool failed;

    assert((unsigned)family < TAMGA_FAMILY_COUNT);
    pthread_mutex_lock(&mem->lock);
    failed = runs_out(&mem->fail_reads);
    if (!failed)
        *root = node_retain(forest->root[family]);
    pthread_mutex_unlock(&mem->lock);
    return failed ? TAMGA_E_STORE_IO : TAMGA_OK;
}

static enum tamga_err forest_get(struct mem *mem, const struct forest *forest,
                                 enum tamga_family family, struct tamga_span key,
                                 struct tamga_buf *value)
{
    struct node *root = NULL;
    enum tamga_err err = mem_hold(mem, forest, family, &root);

    if (err != TAMGA_OK)
        return err;
    err = tree_get(root, key, value);
    node_release(root);
    return err;
}

static enum tamga_err forest_scan(struct mem *mem, const struct forest *forest,
                                  enum tamga_family family, struct tamga_span prefix,
                                  struct tamga_span from, tamga_each each, void *context)
{
    struct node *root = NULL;
    enum tamga_err err = mem_hold(mem, forest, family, &root);

    if (err != TAMGA_OK)
        return err;
    tree_scan(root, prefix, from, each, context);
    node_release(root);
    return TAMGA_OK;
}

static enum tamga_err mem_get(const struct tamga_view *view, enum tamga_family family,
                              struct tamga_span key, struct tamga_buf *value)
{
    struct mem *mem = (struct mem *)view;

    return forest_get(mem, &mem->now, family, key, value);
}

static enum tamga_err mem_scan(const struct tamga_reader *reader, enum tamga_family family,
                               struct tamga_span prefix, struct tamga_span from,
                               tamga_each each, void *context)
{
    struct mem *mem = (struct mem *)reader;

    return forest_scan(mem, &mem->now, family, prefix, from, each, context);
}

static enum tamga_err snapshot_get(const struct tamga_view *view, enum tamga_family family,
                                   struct tamga_span key, struct tamga_buf *value)
{
    const struct snapshot *snapshot = (const struct snapshot *)view;

    return forest_get(snapshot->mem, &snapshot->then, family, key, value);
}

static enum tamga_err snapshot_scan(const struct tamga_reader *reader,
                                    enum tamga_family family, struct tamga_span prefix,
                                    struct tamga_span from, tamga_each each, void *context)
{
    const struct snapshot *snapshot = (const struct snapshot *)reader;

    return forest_scan(snapshot->mem, &snapshot->then, family, prefix, from, each, context);
}

static void snapshot_release(struct tamga_reader *reader)
{
    struct snapshot *snapshot = (struct snapshot *)reader;

    pthread_mutex_lock(&snapshot->mem->lock);
    snapshot->mem->snapshot_count--;
    pthread_mutex_unlock(&snapshot->mem->lock);
    forest_release(&snapshot->then);
    free(snapshot);
}

static const struct tamga_view_ops mem_view_ops = {.get = mem_get};
static const struct tamga_view_ops snapshot_view_ops = {.get = snapshot_get};
static const struct tamga_reader_ops mem_reader_ops = {.scan = mem_scan};
static const struct tamga_reader_ops snapshot_reader_ops = {
    .scan = snapshot_scan,
    .release = snapshot_release,
};

static enum tamga_err mem_snapshot(struct tamga_store *store, struct tamga_reader **out)
{
    struct mem *mem = (struct mem *)store;
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (snapshot == NULL)
        return TAMGA_E_NO_MEMORY;
    snapshot->reader.view.ops = &snapshot_view_ops;
    snapshot->reader.ops = &snapshot_reader_ops;
    snapshot->mem = mem;
    pthread_mutex_lock(&mem->lock);
    snapshot->then = forest_copy(&mem->now);
    mem->snapshot_count++;
    pthread_mutex_unlock(&mem->lock);
    *out = &snapshot->reader;
    return TAMGA_OK;
}

static void mem_close(struct tamga_store *store)
{
    struct mem *mem = (struct mem *)store;

    if (mem == NULL)
        return;
    assert(mem->snapshot_count == 0); /* a reader would be left without its store */
    forest_release(&mem->now);
    forest_release(&mem->synced);
    pthread_mutex_destroy(&mem->lock);
    free(mem);
}

static const struct tamga_store_ops mem_store_ops = {
    .write = mem_write,
    .snapshot = mem_snapshot,
    .close = mem_close,
};

enum tamga_err tamga_store_mem_new(struct tamga_store **out)
{
    struct mem *mem = calloc(1, sizeof *mem);

    if (mem == NULL)
        return TAMGA_E_NO_MEMORY;
    if (pthread_mutex_init(&mem->lock, NULL) != 0) {
        free(mem);
        return TAMGA_E_NO_MEMORY;
    }
    mem->store.reader.view.ops = &mem_view_ops;
    mem->store.reader.ops = &mem_reader_ops;
    mem->store.ops = &mem_store_ops;
    mem->fail_writes = -1;
    mem->fail_reads = -1;
    *out = &mem->store;
    return TAMGA_OK;
}

void tamga_store_mem_fail(struct tamga_store *store, int64_t after)
{
    struct mem *mem = (struct mem *)store;

    pthread_mutex_lock(&mem->lock);
    mem->fail_writes = after;
    pthread_mutex_unlock(&mem->lock);
}

void tamga_store_mem_fail_reads(struct tamga_store *store, int64_t after)
{
    struct mem *mem = (struct mem *)store;

    pthread_mutex_lock(&mem->lock);
    mem->fail_reads = after;
    pthread_mutex_unlock(&mem->lock);
}

void tamga_store_mem_lose_unsynced(struct tamga_store *store)
{
    struct mem *mem = (struct mem *)store;
    struct forest lost;

    pthread_mutex_lock(&mem->lock);
    lost = mem->now;
    mem->now = forest_copy(&mem->synced);
    pthread_mutex_unlock(&mem->lock);
    forest_release(&lost);
}
