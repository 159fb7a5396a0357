/* b64.h - base64 (RFC 4648), the plain alphabet with '+' and '/'. */
#ifndef BASE_B64_H
#define BASE_B64_H

#include "base/str.h"

#define B64_LEN(len) (((len) + 2) / 3 * 4) /* of the text of `len` bytes */

size_t b64_encode(struct str bytes, char *to); /* writes B64_LEN(bytes.len), padded */
/* Writes up to text.len / 4 * 3 + 3 bytes. White space is passed over; missing padding is taken
 * when `loose`. false: another character, or cut short. */
bool b64_decode(struct str text, bool loose, char *to, size_t *len);

#endif
