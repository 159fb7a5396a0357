/* pg_stream.h - the walsender's side of capture: frames in, positions out.
 *
 * Thread: the capture's. Memory: a frame's bytes live until the next call. */
#ifndef LANDING_POSTGRES_PG_STREAM_H
#define LANDING_POSTGRES_PG_STREAM_H

#include "landing/postgres/pg_landing.h"
#include "wire/pg/pgoutput.h"

struct pg_stream {
    struct pg_conn conn;
    bool on;
    char *frame;         /* libpq's */
    uint64_t received;   /* the end of what came */
    uint64_t flushed;    /* all up to there is safe elsewhere */
    char system[CAPTURE_ORIGIN_MAX]; /* that it was first from; "": none yet */
    uint64_t told;       /* what of it the server knows */
    int64_t told_us;     /* when */
};
void pg_stream_init(struct pg_stream *stream, struct env *env, const struct pg_place *place);
/* Connects and starts at stream->flushed, or where the slot stands when that is further.
 * ERR_CONFLICT: it is not the server, or not the slot, that it was before. */
int pg_stream_start(struct pg_stream *stream, struct str slot, struct str publication) MUST_USE;
/* Ends it in good order, so that the server has taken note of stream->flushed. */
void pg_stream_stop(struct pg_stream *stream);
/* The next frame, waiting up to timeout_us. 1: *out is it; 0: none came. */
int pg_stream_next(struct pg_stream *stream, int64_t timeout_us,
                   struct pgoutput_frame *out) MUST_USE;
/* Tells the server how far we are, when it is due (always: now). */
int pg_stream_tell(struct pg_stream *stream, bool now) MUST_USE;

#endif
