/* jsonbatch.c - the matcher and the walk that fills columns.
 *
 * Every wanted type is a node, nested as the types are; decoding recurses over nodes, whose depth
 * TYPE_DEPTH_MAX limits, never over the text. A member is found in three steps: the guess for its
 * place (one 32-byte comparison covers name, quotes and colon), else its scanned name in the
 * node's hash table, else, if asked for, with case ignored.
 *
 * Invariants: (1) a cell that is not valid holds no promise; (2) rows of a node are taken in rising
 * order, and off[] of a list is set up to next_row, filled on when a later row comes; (3) a row
 * that is taken back (clear()) leaves every node below as if it had never been there. */
#include "wire/json/jsonbatch.h"

#include "base/err.h"
#include "wire/json/json_scan.h"
#include "wire/json/jsonbatch_int.h"

#define ITEM_CAP_MIN 64

/* What came of a value. After an error in the text nothing moves any more. */
enum fit { FIT, MISFIT };

struct jsonbatch {
    struct arena types; /* the nodes and the types */
    struct jsonbatch_node root;
    unsigned flags;
    uint64_t visits; /* objects walked, ever */
    uint64_t visit;  /* the one being walked */
    /* of this batch */
    struct arena *arena;
    bool too_big;
};

/* ---- compiling ---- */

static uint32_t name_slot(const struct jsonbatch_node *node, struct str name) {
    uint32_t at = (uint32_t)str_hash(name) & node->slot_mask;
    while (node->slot[at] >= 0 && !str_eq(node->type->field[node->slot[at]].name, name))
        at = (at + 1) & node->slot_mask;
    return at;
}

static int compile(struct jsonbatch *jb, struct jsonbatch_node *node, const struct type *type) {
    node->type = type;
    int err = 0;
    if (type->kind == TYPE_STRUCT) {
        uint32_t size = 4;
        while (size < type->field_cnt * 2) size *= 2;
        node->slot_mask = size - 1;
        node->slot = arena_array(&jb->types, int32_t, size);
        memset(node->slot, 0xff, size * sizeof *node->slot);
        node->kid_cnt = type->field_cnt;
        node->kid = arena_array(&jb->types, struct jsonbatch_node, node->kid_cnt + 1);
        node->guess = arena_array(&jb->types, struct jsonbatch_guess, JSONBATCH_GUESS_MAX);
        if (jb->flags & JSONBATCH_CASE)
            node->exact = arena_array(&jb->types, uint64_t, node->kid_cnt + 1);
        for (uint32_t i = 0; i < node->kid_cnt && !err; i++) {
            uint32_t at = name_slot(node, type->field[i].name);
            if (node->slot[at] < 0) node->slot[at] = (int32_t)i;
            err = compile(jb, &node->kid[i], type->field[i].type);
        }
    } else if (type->kind == TYPE_ARRAY) {
        node->kid_cnt = 1;
        node->kid = arena_array(&jb->types, struct jsonbatch_node, 1);
        err = compile(jb, &node->kid[0], type->item);
    } else if (type->kind == TYPE_MAP) {
        if (type->key->kind != TYPE_STRING)
            return err_fail(ERR_UNSUPPORTED, "JSON: the keys of a MAP are STRING, not %s",
                            type_name(type->key->kind));
        node->kid_cnt = 2;
        node->kid = arena_array(&jb->types, struct jsonbatch_node, 2);
        err = compile(jb, &node->kid[0], type->key);
        if (!err) err = compile(jb, &node->kid[1], type->item);
    }
    return err;
}

int jsonbatch_new(struct jsonbatch **out, const struct type *want, unsigned flags) {
    assert(want->kind == TYPE_STRUCT || flags & JSONBATCH_SPARK);
    struct jsonbatch *jb = base_calloc(1, sizeof *jb);
    jb->flags = flags;
    int err = compile(jb, &jb->root, type_copy(&jb->types, want));
    if (err) {
        jsonbatch_free(jb);
        jb = NULL;
    }
    *out = jb;
    return err;
}

void jsonbatch_free(struct jsonbatch *jb) {
    if (!jb) return;
    arena_fini(&jb->types);
    base_free(jb);
}

const struct type *jsonbatch_type(const struct jsonbatch *jb) {
    return jb->root.type;
}

/* ---- columns that grow ---- */

static void *grown(struct arena *arena, const void *old, size_t old_len, size_t len) {
    char *to = arena_alloc(arena, len);
    if (old_len) memcpy(to, old, old_len);
    memset(to + old_len, 0, len - old_len);
    return to;
}

/* Room for `cap` rows in a node and in a struct's fields. */
static void reserve(struct jsonbatch *jb, struct jsonbatch_node *node, uint32_t cap) {
    const struct type *type = node->type;
    bool list = type->kind == TYPE_ARRAY || type->kind == TYPE_MAP;
    if (!node->vec) {
        node->vec = arena_new(jb->arena, struct vec);
        node->vec->type = type;
        node->vec->stride = 1;
        node->vec->kid = arena_array(jb->arena, struct vec *, node->kid_cnt + 1);
        node->cap = node->used = node->next_row = 0;
    }
    size_t width = batch_width(type), old = node->cap;
    struct vec *vec = node->vec;
    if (width)
        vec->data = grown(jb->arena, vec->data, old ? (old + list) * width : 0,
                          ((size_t)cap + list) * width);
    vec->valid = grown(jb->arena, vec->valid, old, cap);
    node->cap = cap;
    if (type->kind != TYPE_STRUCT) return;
    for (uint32_t i = 0; i < node->kid_cnt; i++) reserve(jb, &node->kid[i], cap);
}

/* A new row of a list's items; UINT32_MAX when there may be no more. */
static uint32_t add_item(struct jsonbatch *jb, struct jsonbatch_node *item) {
    if (!item->vec || item->used == item->cap) {
        uint32_t cap = item->vec ? item->cap * 2 : MAX(item->usual, (uint32_t)ITEM_CAP_MIN);
        if (cap > JSONBATCH_ITEM_MAX) {
            jb->too_big = true;
            return UINT32_MAX;
        }
        reserve(jb, item, cap);
    }
    return item->used++;
}

static void fill_offsets(struct jsonbatch_node *node, uint32_t row) {
    uint32_t at = node->next_row ? node->vec->off[node->next_row] : 0;
    while (node->next_row < row) node->vec->off[++node->next_row] = at;
}

/* Takes a row back, with all below it. */
static void clear(struct jsonbatch_node *node, uint32_t row) {
    if (!node->vec) return;
    node->vec->valid[row] = 0;
    if (node->type->kind == TYPE_STRUCT) {
        for (uint32_t i = 0; i < node->kid_cnt; i++) clear(&node->kid[i], row);
    } else if (node->kid_cnt && node->next_row > row) {
        uint32_t from = node->vec->off[row];
        for (uint32_t k = 0; k < node->kid_cnt; k++) {
            struct jsonbatch_node *kid = &node->kid[k];
            while (kid->used > from) clear(kid, --kid->used);
        }
        node->next_row = row;
    }
}

/* ---- members ---- */

static inline bool guess_hits(const struct jsonbatch_guess *guess, const char *p) {
#if defined(__SSE2__)
    const __m128i *a = (const __m128i *)(const void *)guess->text;
    const __m128i *b = (const __m128i *)(const void *)p;
    unsigned low = (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_loadu_si128(a), _mm_loadu_si128(b)));
    unsigned high = (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_loadu_si128(a + 1), _mm_loadu_si128(b + 1)));
    return (unsigned)__builtin_ctzll(~((uint64_t)high << 16 | low)) >= guess->len;
#else
    return memcmp(guess->text, p, guess->len) == 0;
#endif
}

static int32_t find_nocase(struct jsonbatch *jb, struct jsonbatch_node *node, struct str name) {
    int at = jb->flags & JSONBATCH_CASE ? type_field(node->type, name) : -1;
    return at < 0 || node->exact[at] == jb->visit ? -1 : (int32_t)at;
}

static int32_t find_name(struct jsonbatch *jb, struct jsonbatch_node *node, struct str name,
                         bool *exact) {
    name = json_name(name, jb->arena);
    int32_t field = node->slot[name_slot(node, name)];
    *exact = field >= 0;
    if (field < 0) return find_nocase(jb, node, name);
    if (node->exact) node->exact[field] = jb->visit;
    return field;
}

/* Remembers the key whose text runs from `key` to `p`. With case ignored only exact matches and
 * names that match nothing can be remembered. */
static void learn(struct jsonbatch_node *node, uint32_t place, struct str key, int32_t field) {
    if (place >= JSONBATCH_GUESS_MAX || key.len > JSONBATCH_GUESS_LEN) return;
    while (node->guess_cnt <= place) node->guess[node->guess_cnt++].len = UINT8_MAX;
    struct jsonbatch_guess *guess = &node->guess[place];
    memcpy(guess->text, key.ptr, key.len);
    guess->len = (uint8_t)key.len;
    guess->field = field;
}

/* The next member: which field it is, or -1, with the cursor at its value. */
static inline bool next_field(struct jsonbatch *jb, struct jsonbatch_node *node, struct json *in,
                              uint32_t place, int32_t *field) {
    bool more, exact;
    if (in->why || !json_step(in, '}', &more) || !more) return false;
    const char *key = in->at;
    if (place < node->guess_cnt && in->end - key >= JSONBATCH_GUESS_LEN &&
        guess_hits(&node->guess[place], key)) {
        const struct jsonbatch_guess *guess = &node->guess[place];
        *field = guess->field;
        if (node->exact && *field >= 0) node->exact[*field] = jb->visit;
        in->at = json_scan_space(in, key + guess->len);
        return true;
    }
    struct str name;
    const char *value = json_scan_name(in, key, &name);
    if (!value) return false;
    in->at = value;
    *field = find_name(jb, node, name, &exact);
    bool plain = name.ptr + name.len + 1 < in->end && name.ptr[name.len + 1] == ':';
    if (plain && (exact || !node->exact))
        learn(node, place, (struct str){key, name.len + 3}, *field);
    return true;
}

/* ---- values ---- */

static enum fit decode(struct jsonbatch *jb, struct jsonbatch_node *node, struct json *in,
                       uint32_t row);

static void decode_struct(struct jsonbatch *jb, struct jsonbatch_node *node, struct json *in,
                          uint32_t row) {
    int32_t field;
    if (node->vec->valid[row]) clear(node, row); /* the same name again */
    node->vec->valid[row] = 1;
    uint64_t visit = jb->visit = ++jb->visits;
    json_object(in);
    for (uint32_t place = 0; next_field(jb, node, in, place, &field); place++) {
        if (field < 0) json_skip(in);
        else decode(jb, &node->kid[field], in, row);
        jb->visit = visit;
    }
}

/* An item that does not fit makes the whole list NULL. */
static enum fit decode_array(struct jsonbatch *jb, struct jsonbatch_node *node, struct json *in,
                             uint32_t row) {
    struct jsonbatch_node *item = &node->kid[0];
    enum fit fit = FIT;
    clear(node, row);
    fill_offsets(node, row);
    uint32_t from = item->vec ? item->used : 0;
    json_array(in);
    while (json_item(in)) {
        uint32_t at = fit == FIT ? add_item(jb, item) : UINT32_MAX;
        if (at == UINT32_MAX) json_skip(in);
        else fit = decode(jb, item, in, at);
    }
    node->vec->off[row] = from;
    node->vec->off[row + 1] = item->vec ? item->used : 0;
    node->next_row = row + 1;
    node->vec->valid[row] = 1;
    if (fit == MISFIT || in->why || jb->too_big) clear(node, row);
    return fit;
}

static enum fit decode_map(struct jsonbatch *jb, struct jsonbatch_node *node, struct json *in,
                           uint32_t row) {
    struct jsonbatch_node *key = &node->kid[0], *item = &node->kid[1];
    struct str name;
    enum fit fit = FIT;
    clear(node, row);
    fill_offsets(node, row);
    uint32_t from = item->vec ? item->used : 0;
    json_object(in);
    while (json_member(in, &name)) {
        uint32_t at = fit == FIT ? add_item(jb, item) : UINT32_MAX;
        if (at == UINT32_MAX || add_item(jb, key) == UINT32_MAX) {
            json_skip(in);
            continue;
        }
        key->vec->valid[at] = 1;
        key->vec->str[at] = json_name(name, jb->arena);
        fit = decode(jb, item, in, at);
    }
    node->vec->off[row] = from;
    node->vec->off[row + 1] = item->vec ? item->used : 0;
    node->next_row = row + 1;
    node->vec->valid[row] = 1;
    if (fit == MISFIT || in->why || jb->too_big) clear(node, row);
    return fit;
}

static enum fit decode(struct jsonbatch *jb, struct jsonbatch_node *node, struct json *in,
                       uint32_t row) {
    struct json_value value;
    if (in->at < in->end && *in->at == '{' && node->type->kind == TYPE_STRUCT) {
        decode_struct(jb, node, in, row);
        return FIT;
    }
    if (in->at < in->end && *in->at == '[' && node->type->kind == TYPE_ARRAY)
        return decode_array(jb, node, in, row);
    if (in->at < in->end && *in->at == '{' && node->type->kind == TYPE_MAP)
        return decode_map(jb, node, in, row);
    const char *p = in->why ? NULL : json_value_at(in, in->at, &value);
    if (!p) return FIT;
    in->at = p;
    if (value.kind == JSON_NULL) {
        clear(node, row);
        return FIT;
    }
    if (node->kid_cnt || !jsonbatch_cast(node->vec, row, &value, in->flags, jb->arena))
        return MISFIT;
    node->vec->valid[row] = 1;
    return FIT;
}

/* ---- batches ---- */

static void finish(struct jsonbatch *jb, struct jsonbatch_node *node, uint32_t cnt) {
    if (!node->vec) reserve(jb, node, 1); /* no list had an item */
    struct vec *vec = node->vec;
    vec->cnt = cnt;
    node->usual = MAX(node->usual, cnt);
    if (node->type->kind == TYPE_STRUCT) {
        for (uint32_t i = 0; i < node->kid_cnt; i++) finish(jb, &node->kid[i], cnt);
    } else if (node->kid_cnt) {
        fill_offsets(node, cnt);
        for (uint32_t i = 0; i < node->kid_cnt; i++)
            finish(jb, &node->kid[i], node->kid[i].vec ? node->kid[i].used : 0);
    }
    for (uint32_t i = 0; i < node->kid_cnt; i++) vec->kid[i] = node->kid[i].vec;
    if (cnt && !memchr(vec->valid, 0, cnt)) vec->valid = NULL;
}

static void forget(struct jsonbatch_node *node) {
    node->vec = NULL;
    node->used = node->next_row = node->cap = 0;
    for (uint32_t i = 0; i < node->kid_cnt; i++) forget(&node->kid[i]);
}

static void decode_strict(struct jsonbatch *jb, struct json *in, uint32_t row) {
    if (json_kind(in) != JSON_OBJECT) {
        json_object(in); /* notes the error */
        return;
    }
    decode_struct(jb, &jb->root, in, row);
    json_close(in);
}

/* As from_json(): an odd root is a row of NULLs, blank text is NULL. */
static void decode_spark(struct jsonbatch *jb, struct json *in, uint32_t row) {
    struct jsonbatch_node *root = &jb->root;
    if (in->at == in->end) return;
    bool wrap = root->type->kind == TYPE_ARRAY && root->type->item->kind == TYPE_STRUCT &&
                *in->at == '{';
    if (wrap) {
        fill_offsets(root, row);
        uint32_t at = add_item(jb, &root->kid[0]);
        if (at == UINT32_MAX) return;
        decode(jb, &root->kid[0], in, at);
        root->vec->off[row] = at;
        root->vec->off[row + 1] = at + 1;
        root->next_row = row + 1;
        root->vec->valid[row] = 1;
    } else {
        decode(jb, root, in, row);
    }
    if (in->why) clear(root, row);
    if (root->type->kind == TYPE_STRUCT) root->vec->valid[row] = 1;
}

static void note_bad(struct jsonbatch *jb, struct jsonbatch_bad **bad, uint32_t *cnt, uint32_t row,
                     const struct json *in) {
    if (!*bad) *bad = arena_array(jb->arena, struct jsonbatch_bad, BATCH_ROW_MAX);
    struct str reason = arena_printf(jb->arena, "malformed JSON at byte %zu: %s", json_pos(in),
                                     in->why);
    (*bad)[(*cnt)++] = (struct jsonbatch_bad){row, json_pos(in), reason};
}

int jsonbatch_decode(struct jsonbatch *jb, const struct str *record, uint32_t cnt,
                     struct arena *arena, struct jsonbatch_out *out) {
    assert(cnt <= BATCH_ROW_MAX);
    bool spark = jb->flags & JSONBATCH_SPARK;
    struct jsonbatch_bad *bad = NULL;
    uint32_t bad_cnt = 0;
    struct json in;
    jb->arena = arena;
    jb->too_big = false;
    forget(&jb->root);
    reserve(jb, &jb->root, MAX(cnt, 1u));
    for (uint32_t row = 0; row < cnt && !jb->too_big; row++) {
        if (!record[row].ptr) continue;
        json_open(&in, record[row], spark ? JSON_LAX : 0);
        if (spark) decode_spark(jb, &in, row);
        else decode_strict(jb, &in, row);
        if (!in.why) continue;
        if (!spark) clear(&jb->root, row);
        note_bad(jb, &bad, &bad_cnt, row, &in);
    }
    if (jb->too_big)
        return err_fail(ERR_TOO_BIG, "JSON: a batch of %u records has more than %d items in one "
                        "array; take fewer records at a time", cnt, JSONBATCH_ITEM_MAX);
    finish(jb, &jb->root, cnt);
    *out = (struct jsonbatch_out){jb->root.vec, bad, bad_cnt};
    return 0;
}

/* ---- pruning ---- */

/* How much of `leaf` names this field: the length with its dot, or 0. */
static size_t leaf_head(struct str leaf, struct str name) {
    if (leaf.len < name.len || !str_ieq((struct str){leaf.ptr, name.len}, name)) return 0;
    if (leaf.len == name.len) return leaf.len;
    return leaf.ptr[name.len] == '.' ? name.len + 1 : 0;
}

static const struct type *prune(const struct type *type, const struct str *leaf, size_t cnt,
                                bool *hit, struct arena *arena) {
    if (type->kind == TYPE_ARRAY) {
        const struct type *item = prune(type->item, leaf, cnt, hit, arena);
        return item == type->item ? type : type_array(arena, item);
    }
    if (type->kind != TYPE_STRUCT) return type;
    struct field *field = arena_array(arena, struct field, type->field_cnt + 1);
    struct str *rest = arena_array(arena, struct str, cnt + 1);
    bool *below = arena_array(arena, bool, cnt + 1);
    size_t *from = arena_array(arena, size_t, cnt + 1);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < type->field_cnt; i++) {
        size_t rest_cnt = 0;
        bool whole = false, any = false;
        for (size_t k = 0; k < cnt; k++) {
            size_t head = leaf_head(leaf[k], type->field[i].name);
            if (!head) continue;
            any = true;
            if (head == leaf[k].len) {
                whole = hit[k] = true;
            } else {
                from[rest_cnt] = k;
                rest[rest_cnt++] = (struct str){leaf[k].ptr + head, leaf[k].len - head};
            }
        }
        if (!any) continue;
        memset(below, 0, cnt + 1);
        const struct type *part = prune(type->field[i].type, rest, rest_cnt, below, arena);
        for (size_t k = 0; k < rest_cnt; k++) hit[from[k]] = hit[from[k]] || below[k];
        field[kept] = type->field[i];
        if (!whole) field[kept].type = part;
        kept++;
    }
    return type_struct(arena, field, kept);
}

int jsonbatch_prune(const struct type *source, const struct str *leaf, size_t cnt,
                    struct arena *arena, const struct type **out) {
    bool *hit = arena_array(arena, bool, cnt + 1);
    *out = prune(source, leaf, cnt, hit, arena);
    for (size_t k = 0; k < cnt; k++)
        if (!hit[k])
            return err_fail(ERR_NOT_FOUND, "column '%.*s' is not in the source",
                            (int)MIN(leaf[k].len, 200), leaf[k].ptr);
    return 0;
}
