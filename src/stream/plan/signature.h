/* signature.h - fits a call's argument types to a function's signature (func.h has the letters). */
#ifndef STREAM_PLAN_SIGNATURE_H
#define STREAM_PLAN_SIGNATURE_H

#include "stream/op/func.h"

/* How many arguments the signature takes. */
void signature_arity(const struct func *func, uint32_t *least, uint32_t *most);
/* Sets call->arg[].type to what is wanted and call->type to the result (left NULL for '-'). With
 * `exact`, only arguments that need no cast fit. false: it does not fit, *wrong says which argument
 * (UINT32_MAX: their number) and the call is unchanged. */
bool signature_fit(struct func_call *call, bool exact, uint32_t *wrong);
/* What the letter for argument `arg` means, for a person: "STRING", "a number". */
const char *signature_wants(const struct func *func, uint32_t arg);

#endif
