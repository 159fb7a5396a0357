/* pg_stream.c - talking to a walsender.
 *
 * The server is told how far we are when that changed, at most ten times a second, and every ten
 * seconds in any case: it gives up on clients that are silent for wal_sender_timeout. */
#include "landing/postgres/pg_stream.h"

#include "base/err.h"

#include <errno.h>
#include <poll.h>

#define TELL_US   100000
#define ALIVE_US  10000000
#define STOP_US   3000000

void pg_stream_init(struct pg_stream *stream, struct env *env, const struct pg_place *place) {
    *stream = (struct pg_stream){.on = false};
    pg_conn_init(&stream->conn, env, place, true);
}

static void drop_frame(struct pg_stream *stream) {
    PQfreemem(stream->frame);
    stream->frame = NULL;
}

static void close_all(struct pg_stream *stream) {
    drop_frame(stream);
    pg_conn_close(&stream->conn);
    stream->on = false;
}

int pg_stream_start(struct pg_stream *stream, struct str slot, struct str publication) {
    struct buf sql, names;
    PGresult *res = NULL;
    close_all(stream);
    int err = pg_conn_open(&stream->conn);
    if (!err) err = pg_origin_check(&stream->conn, slot, stream->system,
                                    stream->flushed);
    if (err) {
        close_all(stream);
        return err;
    }
    buf_init(&sql, 4 * KIB);
    buf_init(&names, KIB);
    pg_conn_name(&names, publication);
    buf_putz(&sql, "START_REPLICATION SLOT ");
    pg_conn_name(&sql, slot);
    buf_putz(&sql, " LOGICAL ");
    pg_conn_lsn(&sql, stream->flushed);
    buf_putz(&sql, " (proto_version '1', publication_names ");
    pg_conn_literal(&sql, buf_str(&names));
    buf_put(&sql, ")", 2);
    err = pg_conn_simple(&stream->conn, sql.ptr, &res);
    PQclear(res);
    buf_fini(&sql);
    buf_fini(&names);
    if (err) {
        close_all(stream);
        return err_add(err, "replication slot %.*s", STR_ARG(slot));
    }
    stream->on = true;
    stream->told_us = 0;
    return 0;
}

static int fail(struct pg_stream *stream, const PGresult *res) {
    int err = pg_conn_fail(&stream->conn, res);
    close_all(stream);
    return err_add(err, "replication");
}

int pg_stream_tell(struct pg_stream *stream, bool now) {
    struct env *env = stream->conn.env;
    int64_t mono_us = env_mono_us(env), since_us = mono_us - stream->told_us;
    bool news = stream->flushed != stream->told && since_us >= TELL_US;
    if (!stream->on || (!now && !news && since_us < ALIVE_US)) return 0;
    struct buf frame;
    buf_init(&frame, 64);
    pgoutput_status(&frame, MAX(stream->received, stream->flushed), stream->flushed,
                    env_now_us(env), false);
    bool good = PQputCopyData(stream->conn.pg, frame.ptr, (int)frame.len) == 1 &&
                PQflush(stream->conn.pg) >= 0;
    buf_fini(&frame);
    if (!good) return fail(stream, NULL);
    stream->told = stream->flushed;
    stream->told_us = mono_us;
    return 0;
}

/* Waits until there is something to read. */
static int wait_bytes(struct pg_stream *stream, int64_t us) {
    struct pollfd fd = {PQsocket(stream->conn.pg), POLLIN, 0};
    struct timespec ts = {us / 1000000, us % 1000000 * 1000};
    if (ppoll(&fd, 1, &ts, NULL) < 0 && errno != EINTR)
        return err_fail_os(ERR_NET, errno, "replication: poll");
    if (fd.revents && !PQconsumeInput(stream->conn.pg)) return fail(stream, NULL);
    return 0;
}

/* The server ended the stream: says why. */
static int ended(struct pg_stream *stream) {
    PGresult *res = PQgetResult(stream->conn.pg);
    bool error = res && PQresultStatus(res) == PGRES_FATAL_ERROR;
    int err = error ? fail(stream, res)
                    : err_fail(ERR_NET, "replication: the server ended the stream");
    PQclear(res);
    close_all(stream);
    return err;
}

int pg_stream_next(struct pg_stream *stream, int64_t timeout_us, struct pgoutput_frame *out) {
    CHECK(stream->on);
    for (bool waited = false;; waited = true) {
        drop_frame(stream);
        int len = PQgetCopyData(stream->conn.pg, &stream->frame, 1);
        if (len == -1) return ended(stream);
        if (len < 0) return fail(stream, NULL);
        if (len > 0) {
            int err = pgoutput_frame((struct str){stream->frame, (size_t)len}, out);
            if (err) return err;
            uint64_t end = out->kind == PGOUTPUT_DATA ? out->start : out->end;
            stream->received = MAX(stream->received, end);
            return 1;
        }
        if (waited || !timeout_us) return 0;
        int err = wait_bytes(stream, timeout_us);
        if (err) return err;
    }
}

void pg_stream_stop(struct pg_stream *stream) {
    struct env *env = stream->conn.env;
    struct pgoutput_frame frame;
    int64_t until_us = env_mono_us(env) + STOP_US;
    if (stream->on && !pg_stream_tell(stream, true) &&
        PQputCopyEnd(stream->conn.pg, NULL) == 1 && PQflush(stream->conn.pg) >= 0)
        while (env_mono_us(env) < until_us)
            if (pg_stream_next(stream, TELL_US, &frame) < 0) break;
    close_all(stream);
}
