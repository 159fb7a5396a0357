/* segscan.c - reads ahead in one window; a batch larger than it makes it grow. */
#include "log/embedded/segscan.h"

#include "base/err.h"

#define AHEAD_HEADS ((size_t)16 << 10)
#define AHEAD_WHOLE ((size_t)256 << 10)

void segscan_open(struct segscan *scan, struct env_file *file, int64_t from, int64_t limit,
                  bool check) {
    assert(file && from >= 0);
    memset(scan, 0, sizeof *scan);
    scan->file = file;
    scan->at = scan->pos = from;
    scan->limit = limit;
    scan->check = check;
}

/* Bytes pos .. pos + len, which are below the limit, in memory; NULL and scan->err. */
static const char *bytes_at(struct segscan *scan, int64_t pos, size_t len) {
    if (pos >= scan->win_pos && pos + (int64_t)len <= scan->win_pos + (int64_t)scan->win_len)
        return scan->win + (pos - scan->win_pos);
    size_t want = MAX(len, scan->check ? AHEAD_WHOLE : AHEAD_HEADS);
    want = MIN(want, (size_t)(scan->limit - pos));
    if (want > scan->win_cap) {
        base_free(scan->win);
        scan->win = base_alloc(want);
        scan->win_cap = want;
    }
    scan->win_pos = pos;
    scan->win_len = 0;
    scan->err = env_read(scan->file, pos, scan->win, want, &scan->win_len);
    if (!scan->err && scan->win_len < len)
        scan->err = err_fail(ERR_CORRUPT, "%s ends at %" PRId64 ", before %" PRId64,
                             env_path(scan->file), pos + (int64_t)scan->win_len, scan->limit);
    return scan->err ? NULL : scan->win;
}

static bool stop(struct segscan *scan, const char *why) {
    scan->err =
        err_fail(ERR_CORRUPT, "%s, position %" PRId64 ": %s", env_path(scan->file), scan->pos, why);
    return false;
}

bool segscan_next(struct segscan *scan, struct recbatch_head *head) {
    int64_t left = scan->limit - scan->pos;
    if (scan->err || left <= 0) return false;
    if (left < RECBATCH_HEAD) return stop(scan, "no room for a batch");
    const char *ptr = bytes_at(scan, scan->pos, RECBATCH_HEAD);
    if (!ptr) return false;
    if (recbatch_peek((struct str){ptr, RECBATCH_HEAD}, head)) return stop(scan, err_note());
    if (head->size > (size_t)left) return stop(scan, "the batch is cut short");
    if (scan->check) {
        ptr = bytes_at(scan, scan->pos, head->size);
        if (!ptr) return false;
        scan->batch = (struct str){ptr, head->size};
        if (recbatch_check(scan->batch, head)) return stop(scan, err_note());
    }
    scan->at = scan->pos;
    scan->pos += (int64_t)head->size;
    return true;
}

int segscan_close(struct segscan *scan) {
    base_free(scan->win);
    scan->win = NULL;
    return scan->err;
}

bool segscan_row_fits(struct segscan_row *row, const struct recbatch_head *head) {
    int64_t base = head->base_offset;
    if (row->expect < 0 || base == row->expect || (row->other >= 0 && base == row->other)) {
        row->expect = recbatch_end(head);
        row->other = -1;
        return true;
    }
    row->expect += head->last_offset_delta + 1;
    row->other = recbatch_end(head);
    return false;
}
