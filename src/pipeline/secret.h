/* secret.h - values that sluice.yml names and does not hold: `secret:NAME`.
 *
 * Looked for in this order, the first that is there wins:
 *     $CREDENTIALS_DIRECTORY/NAME    what systemd's LoadCredential= hands over
 *     secrets/NAME                   a file in that folder beside sluice.yml
 *     $SLUICE_SECRET_NAME            upper case, '-' and '.' written as '_'
 * A file's last line end is no part of the value. What was found is blotted out wherever words for
 * people appear (base/redact.h). Thread: any. Limits: SECRET_MAX bytes. */
#ifndef PIPELINE_SECRET_H
#define PIPELINE_SECRET_H

#include "base/arena.h"
#include "base/env.h"

#define SECRET_MAX      (64 * KIB)
#define SECRET_NAME_MAX 100

struct secret_in {
    struct env *env;
    struct str dir; /* of sluice.yml; "" for the present one */
    struct arena *arena;
};
/* Is the text `secret:NAME`? */
bool secret_named(struct str text, struct str *name);
/* ERR_NOT_FOUND: it is in none of the three places, and the note names them; ERR_INVAL: a name or
 * a value that cannot be. */
int secret_find(const struct secret_in *in, struct str name, struct str *out) MUST_USE;
/* A URL, or several with commas between, with each `secret:NAME` in a password's position replaced
 * by its value, percent-encoded. Passwords written out are learned as secrets too. */
int secret_url(const struct secret_in *in, struct str url, struct str *out) MUST_USE;
/* Learns the passwords of all URLs in a text, so that a mistake's report does not show them. */
int secret_learn(struct str text) MUST_USE; /* ERR_FULL: too many */

#endif
