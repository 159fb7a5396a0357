/* cass_fail.c - which error is which. */
#include "store/cassandra/cass_fail.h"

#include "base/err.h"
#include "wire/cql/cqlreply.h"

static int short_of(const struct cqlreply_error *error, const char *what) {
    return err_fail(ERR_TIMEOUT, "%s: %d of %d replicas (%.*s)", what, error->got, error->needed,
                    STR_ARG(error->text));
}

int cass_fail_of(struct str body) {
    struct cqlreply_error error;
    int err = cqlreply_error(body, &error);
    if (err) return err;
    switch (error.code) {
    case CQLANSWER_PROTOCOL: err = ERR_UNSUPPORTED; break;
    case CQLANSWER_AUTH: err = ERR_AUTH; break;
    case CQLANSWER_UNAVAILABLE: return short_of(&error, "not enough replicas are up");
    case CQLANSWER_WRITE_TIMEOUT: return short_of(&error, "a write was not confirmed in time by");
    case CQLANSWER_READ_TIMEOUT: return short_of(&error, "a read was not answered in time by");
    case CQLANSWER_WRITE_FAILURE:
    case CQLANSWER_READ_FAILURE: err = ERR_NET; break;
    case CQLANSWER_SERVER:
    case CQLANSWER_OVERLOADED:
    case CQLANSWER_BOOTSTRAPPING:
    case CQLANSWER_UNPREPARED:
    case CQLANSWER_TRUNCATE: err = ERR_AGAIN; break;
    case CQLANSWER_SYNTAX: err = ERR_SYNTAX; break;
    case CQLANSWER_UNAUTHORIZED: err = ERR_DENIED; break;
    case CQLANSWER_EXISTS: err = ERR_EXISTS; break;
    case CQLANSWER_CONFIG: err = ERR_CONFIG; break;
    default: err = ERR_INVAL; break;
    }
    return err_fail((enum err)err, "%.*s", STR_ARG(error.text));
}

bool cass_fail_passing(int err) {
    return err_retry(err) && err != ERR_STOPPED;
}

struct str cass_fail_unprepared(struct str body) {
    struct cqlreply_error error;
    if (cqlreply_error(body, &error) || error.code != CQLANSWER_UNPREPARED) return STR_NULL;
    return error.id;
}
