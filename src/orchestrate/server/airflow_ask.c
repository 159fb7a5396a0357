/* airflow_ask.c - reading a list's query. */
#include "orchestrate/server/airflow_ask.h"

#include "base/err.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/server/airflow_json.h"

#include <stdio.h>

static bool read_count(struct http_req *req, const char *name, size_t *out) {
    struct str text = http_query(req, name);
    int64_t num;
    if (!text.ptr) return true;
    if (str_i64(text, &num) || num < 0) {
        airflow_json_invalid(req, "query", name, "it has to be a number from 0");
        return false;
    }
    *out = (size_t)num;
    return true;
}

static bool read_order(struct http_req *req, struct str text, const char *const *keys,
                       size_t key_cnt, struct airflow_ask *out) {
    struct str key = text;
    if (!text.len || out->order_cnt == AIRFLOW_ASK_ORDER_MAX) return true;
    if (text.ptr[0] == '-') key.ptr++, key.len--;
    size_t i = 0;
    while (i < key_cnt && !str_eqz(key, keys[i])) i++;
    if (i == key_cnt) {
        char what[160];
        snprintf(what, sizeof what, "order_by: one cannot order by '%.64s' here",
                 arena_strz(http_arena(req), key));
        http_reply_status(req, 400, what);
        return false;
    }
    out->order[out->order_cnt].key = i;
    out->order[out->order_cnt++].down = key.ptr != text.ptr;
    return true;
}

bool airflow_ask_read(struct http_req *req, const char *const *keys, size_t key_cnt,
                      struct airflow_ask *out) {
    *out = (struct airflow_ask){.limit = AIRFLOW_ASK_LIMIT};
    if (!read_count(req, "limit", &out->limit)) return false;
    if (!read_count(req, "offset", &out->offset)) return false;
    if (!out->limit) out->limit = AIRFLOW_ASK_LIMIT;
    out->limit = MIN(out->limit, AIRFLOW_ASK_LIMIT_MAX);
    for (size_t i = 0;; i++) {
        struct str text = http_query_at(req, "order_by", i), part;
        if (!text.ptr) return true;
        while (text.ptr) {
            part = str_cut(text, ',', &text);
            if (!read_order(req, part, keys, key_cnt, out)) return false;
        }
    }
}

/* One alternative. Greedy with one place to go back to, so that it takes len * len at most. */
static bool like(struct str pattern, struct str text) {
    size_t p = 0, t = 0, back_p = SIZE_MAX, back_t = 0;
    while (t < text.len) {
        struct str one = {pattern.ptr + p, 1}, other = {text.ptr + t, 1};
        if (p < pattern.len && pattern.ptr[p] == '%') {
            back_p = ++p;
            back_t = t;
        } else if (p < pattern.len && (pattern.ptr[p] == '_' || str_ieq(one, other))) {
            p++, t++;
        } else if (back_p != SIZE_MAX) {
            p = back_p;
            t = ++back_t;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '%') p++;
    return p == pattern.len;
}

bool airflow_ask_like(struct str pattern, struct str text) {
    if (!pattern.ptr) return true;
    while (pattern.ptr) {
        char wide[256];
        struct str one = str_trim(str_cut(pattern, '|', &pattern));
        if (one.len && !memchr(one.ptr, '%', one.len) && one.len < sizeof wide - 2) {
            wide[0] = wide[one.len + 1] = '%';
            memcpy(wide + 1, one.ptr, one.len);
            one = (struct str){wide, one.len + 2};
        }
        if (str_eqz(one, "~") || like(one, text)) return true;
    }
    return false;
}

bool airflow_ask_among(struct http_req *req, const char *name, struct str value) {
    for (size_t i = 0;; i++) {
        struct str want = http_query_at(req, name, i);
        if (!want.ptr) return i == 0;
        if (str_eq(want, value)) return true;
    }
}

static const char *const range_names[AIRFLOW_ASK_RANGE_CNT] = {
    "run_after", "logical_date", "start_date", "end_date", "updated_at", "duration"};

static bool read_bound(struct http_req *req, int which, const char *how, int64_t *out) {
    char name[32];
    double seconds;
    snprintf(name, sizeof name, "%s_%s", range_names[which], how);
    struct str text = http_query(req, name);
    if (!text.ptr || !text.len) return true;
    if (which == AIRFLOW_ASK_DURATION && !str_f64(text, &seconds) && seconds >= 0 &&
        seconds < 1e12) {
        *out = (int64_t)(seconds * 1e6);
        return true;
    }
    if (which != AIRFLOW_ASK_DURATION && !orch_time_parse(text, out)) return true;
    airflow_json_invalid(req, "query", name,
                         which == AIRFLOW_ASK_DURATION ? "it has to be a number of seconds"
                                                       : err_note());
    return false;
}

bool airflow_ask_ranges(struct http_req *req, struct airflow_ask_range *out) {
    out->any = false;
    for (int i = 0; i < AIRFLOW_ASK_RANGE_CNT; i++) {
        int64_t above = INT64_MIN, below = INT64_MAX;
        out->low[i] = INT64_MIN;
        out->high[i] = INT64_MAX;
        if (!read_bound(req, i, "gte", &out->low[i]) || !read_bound(req, i, "gt", &above) ||
            !read_bound(req, i, "lte", &out->high[i]) || !read_bound(req, i, "lt", &below))
            return false;
        if (above != INT64_MIN) out->low[i] = MAX(out->low[i], above + 1);
        if (below != INT64_MAX) out->high[i] = MIN(out->high[i], below - 1);
        out->any |= out->low[i] != INT64_MIN || out->high[i] != INT64_MAX;
    }
    return true;
}

bool airflow_ask_within(const struct airflow_ask_range *range, int which, int64_t value_us) {
    int64_t low = range->low[which], high = range->high[which];
    if (low == INT64_MIN && high == INT64_MAX) return true;
    return value_us && value_us >= low && value_us <= high;
}

bool airflow_ask_run_within(const struct airflow_ask_range *range, const struct run *run) {
    int64_t took_us = run->start_us && run->end_us ? run->end_us - run->start_us : 0;
    return airflow_ask_within(range, AIRFLOW_ASK_RUN_AFTER, run->logical_us) &&
           airflow_ask_within(range, AIRFLOW_ASK_LOGICAL, run->logical_us) &&
           airflow_ask_within(range, AIRFLOW_ASK_START, run->start_us) &&
           airflow_ask_within(range, AIRFLOW_ASK_END, run->end_us) &&
           airflow_ask_within(range, AIRFLOW_ASK_UPDATED, MAX(run->end_us, run->start_us)) &&
           airflow_ask_within(range, AIRFLOW_ASK_DURATION, took_us);
}
