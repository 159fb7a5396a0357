/* preview.h - what a pipeline would make or change, told without making anything.
 *
 * Each thing a pipeline needs is looked for and compared: landing tables by their key, topics by
 * their partitions, subjects by the rows that are there, CQL tables by what the SELECT gives (the
 * change is rehearsed on a store in memory). An answer is JSON:
 *
 *   {"pipeline":"users","file":"users.yml","schedule":"every 10s","objects":[
 *     {"kind":"topic","name":"users_created","state":"make","note":"1 partition","remedy":""},...]}
 *
 *   state   exists    it is there and fits
 *           make      it is not there; would be made, some with their first rows
 *           widen     it is there and would get more columns or members
 *           conflict  it is there and does not fit: `note` says why, `remedy` what to do
 *           unknown   the tier was not looked into
 *
 * Thread: any, as the tiers. */
#ifndef PIPELINE_PREVIEW_H
#define PIPELINE_PREVIEW_H

#include "landing/landing.h"
#include "log/log.h"
#include "pipeline/def.h"
#include "registry/registry.h"
#include "store/store.h"

struct preview {
    bool no_landing;         /* there is no landing database yet */
    struct landing *landing; /* all borrowed; NULL: not looked into */
    struct log *log;
    struct registry *registry;
    struct store *store;
};

/* The answer on one pipeline. */
void preview_write(const struct preview *preview, const struct def *def, struct buf *out);

/* The same asked of a server, which has the tiers: what it needs to know of the pipeline as JSON,
 * and that read again, into `arena`. ERR_SYNTAX. */
void preview_ask(const struct def *def, struct buf *out);
int preview_ask_read(struct str asked, struct arena *arena, struct def *out) MUST_USE;

#endif
