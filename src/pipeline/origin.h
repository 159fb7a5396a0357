/* origin.h - does the database still continue the changes that the topics have?
 *
 * A change's number comes from the database; by the numbers at the ends of its topics capture
 * knows what is there already. That holds as long as the database goes on where it was. With each
 * topic is kept, in the landing, whose changes it has (capture.h: capture_origin()). When the
 * origin is another one, ends before what the topics have, or has not kept what was not acked,
 * changes may be missing, and new ones may bear numbers of old ones. Then
 *
 *   1. this is noted durably, under the old origin, and that every topic needs a copy (captor.c)
 *   2. capture begins anew (capture_renew()), so that nothing comes from before
 *   3. `base` is chosen, and kept, so that base + any new number is above all that the topics have
 *   4. the tables are copied, as READ
 *
 * A crash in between is found by the next look. Rows deleted meanwhile are not told of; people are,
 * for a day.
 *
 *   setting capture.origin.TOPIC = "ORIGIN BASE NOTICED_US WHY"
 *
 * Thread: the captor's; origin_warning() of any. */
#ifndef PIPELINE_ORIGIN_H
#define PIPELINE_ORIGIN_H

#include "landing/capture.h"

#include <pthread.h>

#define ORIGIN_WHY_MAX 160

struct origin_topic {
    struct str name;   /* borrowed */
    bool known;        /* it was captured before */
    int64_t gap_us;    /* when changes may have been lost; 0: never */
    char why[ORIGIN_WHY_MAX];
};
struct origin {
    struct env *env;
    struct landing *landing; /* whose changes they are */
    struct landing *keep;    /* where it is kept */
    bool on;                 /* is there anything to compare? */
    char id[CAPTURE_ORIGIN_MAX]; /* of the topics' changes */
    struct capture_origin now;
    uint64_t base;           /* to be added to the origin's numbers */
    bool renew;              /* capture must begin anew */
    struct origin_topic *topic;
    size_t cnt;
    pthread_mutex_t lock;
    char warning[256];       /* under lock */
    int64_t warned_us;
};
void origin_init(struct origin *origin, struct env *env, struct landing *landing,
                 struct landing *keep);
void origin_fini(struct origin *origin);
void origin_add(struct origin *origin, struct str topic); /* borrowed; before origin_look() */

/* Reads what is kept, asks the database, compares; a gap is noted, and origin->renew. */
int origin_look(struct origin *origin) MUST_USE;
/* The same, when the highest number on the topics is known, `last` (base included); then chooses
 * the base. */
int origin_settle(struct origin *origin, uint64_t last) MUST_USE;
/* Keeps it all, once capture has begun anew if it had to. */
int origin_keep(struct origin *origin) MUST_USE;

/* What people must know of it, "" when nothing happened within a day. */
void origin_warning(struct origin *origin, char out[256]);

#endif
