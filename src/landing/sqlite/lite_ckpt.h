/* lite_ckpt.h - copies the write-ahead log into the database, beside the writer.
 *
 * SQLite would do it inside a commit, which then takes as long as tens of megabytes and a sync do.
 * Here a thread does it on a connection of its own, while commits go on behind it; only the last
 * few pages are copied in the writer's turn, so that the log is empty at one moment and begins anew
 * instead of growing. Should the writer be faster all the same, it waits.
 *
 * What fails here loses nothing: the log stays, and the next time it is tried anew.
 * Thread: note and wait by who writes; the thread is made when it is first needed. */
#ifndef LANDING_SQLITE_LITE_CKPT_H
#define LANDING_SQLITE_LITE_CKPT_H

#include "base/base.h"

struct lite_ckpt;
struct lite_landing;
struct lite_ckpt *lite_ckpt_new(struct lite_landing *landing);
void lite_ckpt_free(struct lite_ckpt *ckpt); /* NULL is allowed */
void lite_ckpt_note(struct lite_ckpt *ckpt, int pages); /* so many has the log now */
/* Before the writer's turn: while the log is too long. */
void lite_ckpt_wait(struct lite_ckpt *ckpt);

#endif
