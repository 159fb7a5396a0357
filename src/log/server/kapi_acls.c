/* kapi_acls.c - DescribeAcls: there are none, and tools are told so in words they know. */
#include "log/server/kapi.h"
#include "log/server/kerr.h"

void kapi_acls_describe(struct kreq *req) {
    struct describe_acls_response *out = req->out;
    out->error_code = KERR_SECURITY_DISABLED;
    out->error_message = STR("No Authorizer is configured.");
    kreq_reply(req);
}
