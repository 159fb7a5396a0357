/* feed.c - reads a topic's partitions in turn.
 *
 * State text: "2 topic-id\n", then a line "partition next-offset last-ts-us" for each. Before there
 * were ids it began with "1\n". */
#include "stream/feed.h"

#include "base/diag.h"
#include "base/err.h"

#define STATE_HEAD "2 "
#define STATE_OLD  "1"
#define READ_LEAST (64 * KIB) /* bytes asked of a partition, however many there are */

static int grow(struct feed *feed, int32_t cnt) {
    if (cnt <= feed->part_cnt) return 0;
    feed->part = base_realloc(feed->part, (size_t)cnt * sizeof *feed->part);
    for (; feed->part_cnt < cnt; feed->part_cnt++) {
        struct feed_part *part = &feed->part[feed->part_cnt];
        memset(part, 0, sizeof *part);
        part->next = part->done = -1; /* from the start, wherever that is */
        part->last_ts_us = part->done_ts_us = INT64_MIN;
    }
    return 0;
}

static int parse_line(struct feed *feed, struct str line) {
    struct str rest, first = str_cut(line, ' ', &rest), last;
    struct str second = str_cut(rest, ' ', &last);
    int64_t part, next, ts;
    if (str_i64(first, &part) || str_i64(second, &next) || str_i64(last, &ts) || part < 0 ||
        part >= LOG_PART_MAX || next < 0)
        return err_fail(ERR_CORRUPT, "offsets of topic %.*s: '%.*s' cannot be read",
                        STR_ARG(feed->topic), STR_ARG(line));
    int err = grow(feed, (int32_t)part + 1);
    if (err) return err;
    feed->part[part].next = feed->part[part].done = next;
    feed->part[part].last_ts_us = feed->part[part].done_ts_us = ts;
    return 0;
}

static int parse_state(struct feed *feed, struct str state) {
    if (!state.ptr) return 0;
    struct str head = str_cut(state, '\n', &state);
    if (str_starts(head, STR(STATE_HEAD))) {
        struct str id = {head.ptr + strlen(STATE_HEAD), head.len - strlen(STATE_HEAD)};
        if (uuid_parse(id, &feed->id)) return err_add(ERR_CORRUPT, "offsets of a topic");
        feed->id_known = true;
    } else if (!str_eqz(head, STATE_OLD)) {
        return err_fail(ERR_CORRUPT, "offsets of topic %.*s: not in a layout known here",
                        STR_ARG(feed->topic));
    }
    while (state.len) {
        struct str line = str_cut(state, '\n', &state);
        int err = parse_line(feed, line);
        if (err) return err;
    }
    return 0;
}

static bool was_read(const struct feed *feed) {
    for (int32_t i = 0; i < feed->part_cnt; i++)
        if (feed->part[i].next >= 0) return true;
    return false;
}

/* The topic of this name is another one: on another log, or made anew. What was read of the first
 * says nothing about it. */
static void begin_anew(struct feed *feed) {
    if (was_read(feed))
        diag_warn("stream", "topic %.*s is not the one that was read before (the log was swapped, "
                  "or the topic made anew): it is read from its beginning", STR_ARG(feed->topic));
    for (int32_t i = 0; i < feed->part_cnt; i++) arena_fini(&feed->part[i].arena);
    feed->part_cnt = 0;
}

/* Partitions may have been added; the topic may be another. */
static int look(struct feed *feed) {
    struct arena arena = ARENA_INIT;
    struct log_topic topic;
    int err = log_topic_get(feed->log, feed->topic, &arena, &topic);
    if (!err && feed->id_known && memcmp(&feed->id, &topic.id, sizeof topic.id) != 0)
        begin_anew(feed);
    if (!err) {
        feed->id = topic.id;
        feed->id_known = true;
        err = grow(feed, topic.part_cnt);
    }
    arena_fini(&arena);
    return err;
}

int feed_open(struct feed *feed, struct log *log, struct str topic, struct str state,
              size_t read_max) {
    memset(feed, 0, sizeof *feed);
    feed->log = log;
    feed->topic = topic;
    feed->read_max = read_max;
    int err = parse_state(feed, state);
    if (!err) err = look(feed);
    if (err) feed_close(feed);
    return err;
}

void feed_close(struct feed *feed) {
    for (int32_t i = 0; i < feed->part_cnt; i++) arena_fini(&feed->part[i].arena);
    base_free(feed->part);
    feed->part = NULL;
    feed->part_cnt = 0;
}

/* Where the partition begins and ends now; a start that retention took away is moved, aloud. */
static int look_part(struct feed *feed, int32_t i) {
    struct feed_part *part = &feed->part[i];
    struct log_span span;
    int err = log_span_near(feed->log, feed->topic, i, &span);
    if (err) return err;
    part->end = span.end;
    if (part->next < 0) {
        part->next = span.start;
    } else if (part->next < span.start) {
        diag_error("stream", "topic %.*s partition %d: records %" PRId64 " to %" PRId64
                   " were deleted by retention before they were read", STR_ARG(feed->topic), i,
                   part->next, span.start - 1);
        part->next = span.start;
    } else if (part->next > span.end) {
        return err_fail(ERR_RANGE, "topic %.*s partition %d ends at offset %" PRId64
                        ", before offset %" PRId64 " up to which it was processed: it is not the "
                        "same topic; delete the query's state to start anew", STR_ARG(feed->topic),
                        i, span.end, part->next);
    }
    return 0;
}

static int read_part(struct feed *feed, int32_t i) {
    struct feed_part *part = &feed->part[i];
    struct str bytes = STR_NULL;
    int err = look_part(feed, i);
    if (err || part->next >= part->end) return err;
    arena_reset(&part->arena);
    size_t most = MAX(feed->read_max / (size_t)feed->part_cnt, (size_t)READ_LEAST);
    err = log_read(feed->log, feed->topic, i, part->next, most, &part->arena, &bytes);
    if (err) return err;
    if (!bytes.len) return 0;
    recbatch_walk(&part->it, bytes, part->next, &part->arena);
    part->open = true;
    return 0;
}

static int64_t write_ts(const struct record *record, int64_t last) {
    int64_t ts;
    if (__builtin_mul_overflow(record->ts_ms, 1000, &ts) ||
        __builtin_add_overflow(ts, record->offset % 1000, &ts))
        ts = last; /* a time no calendar holds */
    return last != INT64_MIN && ts <= last ? last + 1 : ts;
}

static int take_part(struct feed *feed, int32_t i, uint32_t most, struct feed_batch *out) {
    struct feed_part *part = &feed->part[i];
    int err = part->open ? 0 : read_part(feed, i);
    while (!err && part->open && out->cnt < most) {
        struct record *record = &out->record[out->cnt];
        if (!recbatch_next(&part->it, record)) {
            part->open = false;
            err = part->it.err;
            if (!err && part->it.head.size) part->next = MAX(part->next,
                                                              recbatch_end(&part->it.head));
            break;
        }
        part->last_ts_us = write_ts(record, part->last_ts_us);
        part->next = record->offset + 1;
        out->part[out->cnt] = i;
        out->ts_us[out->cnt++] = part->last_ts_us;
    }
    return err;
}

static int take_all(struct feed *feed, uint32_t most, struct feed_batch *out) {
    int err = 0;
    for (int32_t k = 0; k < feed->part_cnt && !err && out->cnt < most; k++)
        err = take_part(feed, (feed->turn + k) % feed->part_cnt, most, out);
    feed->turn = feed->part_cnt ? (feed->turn + 1) % feed->part_cnt : 0;
    return err;
}

static int wait(struct feed *feed, int64_t timeout_us, struct arena *arena) {
    struct log_pos *pos = arena_array(arena, struct log_pos, (size_t)feed->part_cnt);
    for (int32_t i = 0; i < feed->part_cnt; i++)
        pos[i] = (struct log_pos){feed->topic, i, MAX(feed->part[i].next, (int64_t)0)};
    return log_wait(feed->log, pos, (size_t)feed->part_cnt, timeout_us);
}

int feed_take(struct feed *feed, uint32_t most, int64_t timeout_us, struct arena *arena,
              struct feed_batch *out) {
    *out = (struct feed_batch){0};
    out->record = arena_alloc(arena, most * sizeof *out->record);
    out->part = arena_alloc(arena, most * sizeof *out->part);
    out->ts_us = arena_alloc(arena, most * sizeof *out->ts_us);
    int err = take_all(feed, most, out);
    if (err || out->cnt || timeout_us <= 0) return err;
    err = look(feed);
    if (!err) err = wait(feed, timeout_us, arena);
    return err ? err : take_all(feed, most, out);
}

struct str feed_state(const struct feed *feed, struct arena *arena) {
    struct buf text;
    buf_init(&text, 1 * MIB);
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&feed->id, id);
    buf_printf(&text, STATE_HEAD "%s\n", id);
    for (int32_t i = 0; i < feed->part_cnt; i++)
        if (feed->part[i].next >= 0)
            buf_printf(&text, "%d %" PRId64 " %" PRId64 "\n", i, feed->part[i].next,
                       feed->part[i].last_ts_us);
    struct str copy = arena_str(arena, buf_str(&text));
    CHECK(!text.full);
    buf_fini(&text);
    return copy;
}

void feed_commit(struct feed *feed) {
    for (int32_t i = 0; i < feed->part_cnt; i++) {
        feed->part[i].done = feed->part[i].next;
        feed->part[i].done_ts_us = feed->part[i].last_ts_us;
    }
}

void feed_rewind(struct feed *feed) {
    for (int32_t i = 0; i < feed->part_cnt; i++) {
        feed->part[i].next = feed->part[i].done;
        feed->part[i].last_ts_us = feed->part[i].done_ts_us;
        feed->part[i].open = false;
    }
}

int64_t feed_lag(const struct feed *feed) {
    int64_t lag = 0;
    for (int32_t i = 0; i < feed->part_cnt; i++)
        lag += MAX(feed->part[i].end - MAX(feed->part[i].next, (int64_t)0), (int64_t)0);
    return lag;
}
