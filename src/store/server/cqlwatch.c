/* cqlwatch.c - the last look at the schema: a fingerprint of each keyspace, type and table. */
#include "store/server/cqlwatch.h"

#include "base/map.h"
#include "store/server/cqlddl.h"

struct mark {
    uint64_t print; /* of its definition */
    uint64_t look;  /* the last one that saw it */
    char kind;      /* 'k', 'u', 't' */
    struct str keyspace, name; /* behind this struct */
};

struct cqlwatch {
    struct store *store;
    struct map marks; /* kind, keyspace, 0, name -> mark */
    uint64_t version, look;
};

struct check {
    struct cqlwatch *watch;
    struct arena *arena;
    void (*each)(void *arg, const struct cqlanswer_change *change);
    void *arg;
};

struct cqlwatch *cqlwatch_new(struct store *store) {
    struct cqlwatch *watch = base_calloc(1, sizeof *watch);
    watch->store = store;
    map_init(&watch->marks);
    return watch;
}

void cqlwatch_free(struct cqlwatch *watch) {
    if (!watch) return;
    size_t at = 0;
    struct str key;
    void *mark;
    while (map_next(&watch->marks, &at, &key, &mark)) base_free(mark);
    map_fini(&watch->marks);
    base_free(watch);
}

static void tell(const struct check *check, const struct mark *mark, struct str change) {
    struct str target = mark->kind == 'k'   ? STR("KEYSPACE")
                        : mark->kind == 'u' ? STR("TYPE")
                                            : STR("TABLE");
    struct cqlanswer_change out = {change, target, mark->keyspace, mark->name};
    check->each(check->arg, &out);
}

static struct mark *mark_new(char kind, struct str keyspace, struct str name) {
    struct mark *mark = base_calloc(1, sizeof *mark + keyspace.len + name.len);
    char *text = (char *)(mark + 1);
    memcpy(text, keyspace.ptr, keyspace.len);
    if (name.len) memcpy(text + keyspace.len, name.ptr, name.len);
    mark->kind = kind;
    mark->keyspace = (struct str){text, keyspace.len};
    mark->name = (struct str){text + keyspace.len, name.len};
    return mark;
}

/* One thing that is there now. */
static void saw(struct check *check, char kind, struct str keyspace, struct str name,
                uint64_t print) {
    struct cqlwatch *watch = check->watch;
    struct str key = arena_printf(check->arena, "%c%.*s%c%.*s", kind, STR_ARG(keyspace), 0,
                                  STR_ARG(name));
    struct mark *mark = map_get(&watch->marks, key);
    if (!mark) {
        mark = mark_new(kind, keyspace, name);
        map_put(&watch->marks, key, mark);
        if (watch->look > 1) tell(check, mark, STR("CREATED"));
    } else if (mark->print != print) {
        tell(check, mark, STR("UPDATED"));
    }
    mark->print = print;
    mark->look = watch->look;
}

static int look_at_all(struct check *check) {
    struct store *store = check->watch->store;
    struct store_keyspace *keyspace;
    struct store_udt *udt;
    struct store_table *table;
    size_t cnt;
    int err = store_keyspaces(store, check->arena, &keyspace, &cnt);
    if (err) return err;
    for (size_t i = 0; i < cnt; i++)
        saw(check, 'k', keyspace[i].name, STR(""),
            str_hash(cqlddl_keyspace(&keyspace[i], check->arena)));
    err = store_udts(store, STR_NULL, check->arena, &udt, &cnt);
    if (err) return err;
    for (size_t i = 0; i < cnt; i++)
        saw(check, 'u', udt[i].keyspace, udt[i].name,
            str_hash(cqlddl_udt(&udt[i], check->arena)));
    err = store_tables(store, STR_NULL, check->arena, &table, &cnt);
    if (err) return err;
    for (size_t i = 0; i < cnt; i++) {
        uint64_t print[2] = {table[i].version, 0};
        memcpy(&print[1], table[i].id.byte, sizeof print[1]);
        saw(check, 't', table[i].keyspace, table[i].name,
            str_hash((struct str){(const char *)print, sizeof print}));
    }
    return 0;
}

static bool is_gone(struct cqlwatch *watch, const struct mark *mark) {
    struct arena arena = ARENA_INIT;
    struct str key = arena_printf(&arena, "k%.*s%c", STR_ARG(mark->keyspace), 0);
    const struct mark *keyspace = map_get(&watch->marks, key);
    bool gone = !keyspace || keyspace->look != watch->look;
    arena_fini(&arena);
    return gone;
}

/* Tells what one kind has lost, and forgets it. What went with its keyspace needs no word. */
static void sweep(struct check *check, char kind) {
    struct cqlwatch *watch = check->watch;
    size_t at = 0, cnt = 0;
    struct str key;
    void *value;
    struct str *lost = arena_array(check->arena, struct str, watch->marks.cnt + 1);
    while (map_next(&watch->marks, &at, &key, &value)) {
        const struct mark *mark = value;
        if (mark->kind != kind || mark->look == watch->look) continue;
        if (kind == 'k' || !is_gone(watch, mark)) tell(check, mark, STR("DROPPED"));
        lost[cnt++] = arena_str(check->arena, key);
    }
    for (size_t i = 0; i < cnt; i++) base_free(map_del(&watch->marks, lost[i]));
}

int cqlwatch_check(struct cqlwatch *watch,
                   void (*each)(void *arg, const struct cqlanswer_change *change), void *arg) {
    uint64_t version = store_schema_version(watch->store);
    if (watch->look > 0 && version == watch->version) return 0;
    struct arena arena = ARENA_INIT;
    struct check check = {watch, &arena, each, arg};
    watch->look++;
    int err = look_at_all(&check);
    if (!err) {
        sweep(&check, 't');
        sweep(&check, 'u');
        sweep(&check, 'k');
        watch->version = version;
    }
    arena_fini(&arena);
    return err;
}
