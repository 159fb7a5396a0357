/* fn_case.h - upper and lower case for other functions. */
#ifndef STREAM_OP_FN_CASE_H
#define STREAM_OP_FN_CASE_H

#include "stream/op/func.h"

struct str fn_case_upper(struct func_ctx *ctx, uint32_t row, struct str text);
struct str fn_case_lower(struct func_ctx *ctx, uint32_t row, struct str text);

#endif
