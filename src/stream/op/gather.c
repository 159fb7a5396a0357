/* gather.c - picks kept until all rows are done. */
#include "stream/op/gather.h"

#include "stream/op/take.h"

#define PICK_LEN (sizeof(uint32_t) + 1)

void gather_begin(struct gather *gather, struct func_ctx *ctx, struct vec *out) {
    *gather = (struct gather){.ctx = ctx};
    func_list_begin(&gather->list, ctx, out);
}

void gather_row(struct gather *gather, uint32_t row) {
    func_list_row(&gather->list, row);
    gather->at = row;
}

static bool grow(struct gather *gather) {
    struct func_ctx *ctx = gather->ctx;
    uint32_t cap = gather->cap ? gather->cap * 2 : 256;
    if (ctx->work + cap * PICK_LEN > FUNC_WORK_MAX) {
        func_error(ctx, gather->at, "the arrays made for one batch have too many items");
        return false;
    }
    ctx->work += cap * PICK_LEN;
    uint8_t *which = arena_alloc(ctx->arena, cap);
    uint32_t *row = arena_alloc(ctx->arena, cap * sizeof *row);
    if (gather->cnt) memcpy(which, gather->which, gather->cnt);
    if (gather->cnt) memcpy(row, gather->row, gather->cnt * sizeof *row);
    gather->which = which;
    gather->row = row;
    gather->cap = cap;
    return true;
}

void gather_add(struct gather *gather, uint8_t which, uint32_t row) {
    if (gather->cnt == gather->cap && !grow(gather)) return;
    gather->which[gather->cnt] = which;
    gather->row[gather->cnt++] = row;
    func_list_skip(&gather->list, 1);
}

void gather_all(struct gather *gather, uint8_t which, const struct vec *vec, uint32_t row) {
    uint32_t to, at = gather_from(vec, row, &to);
    for (; at < to; at++) gather_add(gather, which, at);
}

void gather_end(struct gather *gather, const struct vec *const *src) {
    struct vec *out = gather->list.out;
    if (gather->cnt)
        out->kid[0] = take_rows(gather->ctx->arena, out->type->item, src, gather->which,
                                gather->row, gather->cnt);
    func_list_end(&gather->list);
}
