/* take.c - gathers rows of columns into a new column, nested ones by recursion over the type. */
#include "stream/op/take.h"

/* The picks of one level: which source and which row in it. */
struct pick {
    struct arena *arena;
    const struct vec *const *src;
    const uint8_t *which;
    const uint32_t *row;
    uint32_t cnt;
};

static const struct vec *source(const struct pick *pick, uint32_t i) {
    return pick->src[pick->which ? pick->which[i] : 0];
}

static bool is_null(const struct pick *pick, uint32_t i) {
    if (pick->row[i] == TAKE_NULL) return true;
    const struct vec *src = source(pick, i);
    return src->type->kind == TYPE_NULL || vec_null(src, pick->row[i]);
}

static uint32_t source_cnt(const struct pick *pick) {
    uint32_t most = 0;
    for (uint32_t i = 0; pick->which && i < pick->cnt; i++) most = MAX(most, pick->which[i]);
    return most + 1;
}

static void take_flat(const struct pick *pick, struct vec *out) {
    size_t width = batch_width(out->type);
    char *to = out->data;
    for (uint32_t i = 0; i < pick->cnt; i++, to += width) {
        if (is_null(pick, i)) continue;
        const struct vec *src = source(pick, i);
        const char *from = (const char *)src->data + (size_t)vec_at(src, pick->row[i]) * width;
        switch (width) {
        case 4: memcpy(to, from, 4); break;
        case 8: memcpy(to, from, 8); break;
        case 16: memcpy(to, from, 16); break;
        default: memcpy(to, from, width); break;
        }
    }
}

static struct vec *take_level(const struct pick *pick, const struct type *type);

/* The items of all picked lists, end to end. */
static void take_lists(const struct pick *pick, struct vec *out) {
    size_t total = 0;
    for (uint32_t i = 0; i < pick->cnt; i++) {
        out->off[i] = (uint32_t)total;
        if (is_null(pick, i)) continue;
        const struct vec *src = source(pick, i);
        uint32_t at = vec_at(src, pick->row[i]);
        total += src->off[at + 1] - src->off[at];
    }
    CHECK(total < UINT32_MAX);
    out->off[pick->cnt] = (uint32_t)total;
    uint32_t *row = arena_alloc(pick->arena, total * sizeof *row);
    uint8_t *which = pick->which ? arena_alloc(pick->arena, total) : NULL;
    uint32_t put = 0;
    for (uint32_t i = 0; i < pick->cnt; i++) {
        if (is_null(pick, i)) continue;
        const struct vec *src = source(pick, i);
        uint32_t at = vec_at(src, pick->row[i]);
        for (uint32_t item = src->off[at]; item < src->off[at + 1]; item++, put++) {
            row[put] = item;
            if (which) which[put] = pick->which[i];
        }
    }
    bool map = out->type->kind == TYPE_MAP;
    uint32_t src_cnt = source_cnt(pick);
    const struct vec **kids = arena_array(pick->arena, const struct vec *, src_cnt);
    for (int k = 0; k <= map; k++) {
        for (uint32_t s = 0; s < src_cnt; s++)
            kids[s] = pick->src[s]->kid ? pick->src[s]->kid[k] : NULL;
        struct pick items = {pick->arena, kids, which, row, (uint32_t)total};
        out->kid[k] = take_level(&items, map && k == 0 ? out->type->key : out->type->item);
    }
}

static void take_struct(const struct pick *pick, struct vec *out) {
    uint32_t src_cnt = source_cnt(pick);
    const struct vec **kids = arena_array(pick->arena, const struct vec *, src_cnt);
    uint32_t *row = arena_alloc(pick->arena, pick->cnt * sizeof *row);
    for (uint32_t i = 0; i < pick->cnt; i++)
        row[i] = is_null(pick, i) ? TAKE_NULL : vec_at(source(pick, i), pick->row[i]);
    for (uint32_t f = 0; f < out->type->field_cnt; f++) {
        for (uint32_t s = 0; s < src_cnt; s++)
            kids[s] = pick->src[s]->kid ? pick->src[s]->kid[f] : NULL;
        struct pick fields = {pick->arena, kids, pick->which, row, pick->cnt};
        out->kid[f] = take_level(&fields, out->type->field[f].type);
    }
}

static struct vec *take_level(const struct pick *pick, const struct type *type) {
    struct vec *out = arena_new(pick->arena, struct vec);
    out->type = type;
    out->cnt = pick->cnt;
    out->stride = 1;
    for (uint32_t i = 0; i < pick->cnt; i++)
        if (is_null(pick, i)) batch_set_null(out, pick->arena, i);
    bool list = type->kind == TYPE_ARRAY || type->kind == TYPE_MAP;
    out->data = arena_calloc(pick->arena, (size_t)pick->cnt + list, batch_width(type));
    if (type->kind == TYPE_STRUCT) {
        out->kid = arena_array(pick->arena, struct vec *, type->field_cnt);
        take_struct(pick, out);
    } else if (list) {
        out->kid = arena_array(pick->arena, struct vec *, 2);
        take_lists(pick, out);
    } else if (type->kind != TYPE_NULL) {
        take_flat(pick, out);
    }
    return out;
}

struct vec *take_rows(struct arena *arena, const struct type *type, const struct vec *const *src,
                      const uint8_t *which, const uint32_t *row, uint32_t cnt) {
    struct pick pick = {arena, src, which, row, cnt};
    return take_level(&pick, type);
}
