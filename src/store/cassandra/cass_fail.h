/* cass_fail.h - a server's ERROR as one of ours, with its words. */
#ifndef STORE_CASSANDRA_CASS_FAIL_H
#define STORE_CASSANDRA_CASS_FAIL_H

#include "base/str.h"

/* Notes the sentence and returns the error. ERR_UNSUPPORTED: a protocol error, which is what a
 * version that is not known gives. */
int cass_fail_of(struct str body);
/* May the same request succeed later, at this node or another? */
bool cass_fail_passing(int err);
/* The id of a statement that the server has forgotten; ptr NULL: it says something else. */
struct str cass_fail_unprepared(struct str body);

#endif
