/* func.c - what functions need while they run: the sink of mistakes, memory with a limit, lists. */
#include "stream/op/func.h"

#include <stdarg.h>
#include <stdio.h>

#define LIST_MAX (1u << 26) /* items in one column */

int func_wrong(struct func_call *call, uint32_t arg, const char *format, ...) {
    char text[ERR_NOTE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    call->wrong = arg;
    return err_fail(ERR_TYPE, "%s", text);
}

void func_error(struct func_ctx *ctx, uint32_t row, const char *format, ...) {
    assert(row < ctx->cnt);
    if (!ctx->failed) {
        ctx->failed = arena_array(ctx->arena, uint8_t, ctx->cnt);
        ctx->why = arena_array(ctx->arena, struct str, ctx->cnt);
    }
    if (ctx->failed[row]) return;
    char text[ERR_NOTE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t kept = len < 0 ? 0 : MIN((size_t)len, sizeof text - 1);
    ctx->failed[row] = 1;
    ctx->why[row] = arena_str(ctx->arena, (struct str){text, kept});
}

char *func_room(struct func_ctx *ctx, uint32_t row, size_t len) {
    if (len > FUNC_TEXT_MAX || ctx->work + len > FUNC_WORK_MAX) {
        func_error(ctx, row, "result of %zu bytes is over the limit of %zu", len,
                   len > FUNC_TEXT_MAX ? FUNC_TEXT_MAX : FUNC_WORK_MAX);
        return NULL;
    }
    ctx->work += len;
    return arena_bytes(ctx->arena, len);
}

void func_list_begin(struct func_list *list, struct func_ctx *ctx, struct vec *out) {
    assert(out->type->kind == TYPE_ARRAY || out->type->kind == TYPE_MAP);
    *list = (struct func_list){.ctx = ctx, .out = out};
    out->off[0] = 0;
}

void func_list_row(struct func_list *list, uint32_t row) {
    assert(row >= list->row && row < list->out->cnt);
    while (list->row < row) list->out->off[++list->row] = list->cnt;
}

static void list_grow(struct func_ctx *ctx, struct vec *kid, uint32_t cnt, uint32_t cap) {
    size_t width = batch_width(kid->type);
    void *data = arena_calloc(ctx->arena, cap, width);
    if (cnt) memcpy(data, kid->data, cnt * width);
    if (kid->valid) {
        uint8_t *valid = arena_alloc(ctx->arena, cap);
        memset(valid, 1, cap);
        memcpy(valid, kid->valid, cnt);
        kid->valid = valid;
    }
    kid->data = data;
    kid->cnt = cap;
}

uint32_t func_list_add(struct func_list *list) {
    struct func_ctx *ctx = list->ctx;
    if (list->cnt == LIST_MAX) {
        func_error(ctx, list->row, "more than %u items in one batch", LIST_MAX);
        return UINT32_MAX;
    }
    if (!list->kid) {
        const struct type *type = list->out->type;
        bool map = type->kind == TYPE_MAP;
        list->cap = MAX(ctx->live * 2, 16u);
        list->kid = batch_vec(ctx->arena, map ? type->key : type->item, list->cap);
        if (map) list->kid2 = batch_vec(ctx->arena, type->item, list->cap);
    }
    if (list->cnt == list->cap) {
        list->cap *= 2;
        list_grow(ctx, list->kid, list->cnt, list->cap);
        if (list->kid2) list_grow(ctx, list->kid2, list->cnt, list->cap);
    }
    return list->cnt++;
}

void func_list_skip(struct func_list *list, uint32_t cnt) {
    list->cnt += cnt;
}

void func_list_end(struct func_list *list) {
    struct vec *out = list->out;
    while (list->row < out->cnt) out->off[++list->row] = list->cnt;
    bool map = out->type->kind == TYPE_MAP;
    if (list->kid) {
        out->kid[0] = list->kid;
        out->kid[1] = list->kid2;
        list->kid->cnt = list->cnt;
        if (list->kid2) list->kid2->cnt = list->cnt;
    } else if (!out->kid[0]) {
        out->kid[0] = batch_vec(list->ctx->arena, map ? out->type->key : out->type->item, 0);
        if (map) out->kid[1] = batch_vec(list->ctx->arena, out->type->item, 0);
    }
}
