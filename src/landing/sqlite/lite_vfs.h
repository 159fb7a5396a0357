/* lite_vfs.h - SQLite's files with our seam in front: faults, and fewer writes of the WAL. */
#ifndef LANDING_SQLITE_LITE_VFS_H
#define LANDING_SQLITE_LITE_VFS_H

#include "base/env.h"

struct lite_vfs;

/* Registers a VFS of its own for this env; the name is for sqlite3_open_v2(). Closed after every
 * connection that uses it. */
int lite_vfs_open(struct lite_vfs **out, struct env *env) MUST_USE;
void lite_vfs_close(struct lite_vfs *vfs);
const char *lite_vfs_name(const struct lite_vfs *vfs);
/* Has a sync failed? What was written since the one before may be lost, though a later sync says
 * otherwise: the landing must not acknowledge anything more. */
bool lite_vfs_dead(const struct lite_vfs *vfs);

#endif
