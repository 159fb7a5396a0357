/* finding.c - saying what was found. */
#include "model/finding.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const struct finding_to *to, enum finding_state state, const char *remedy,
                const char *format, va_list args) {
    char text[FINDING_TEXT_MAX];
    vsnprintf(text, sizeof text, format, args);
    to->say(to->arg, state, text, remedy);
}

void finding_ok(const struct finding_to *to, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(to, FINDING_OK, "", format, args);
    va_end(args);
}

void finding_warn(const struct finding_to *to, const char *remedy, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(to, FINDING_WARN, remedy, format, args);
    va_end(args);
}

void finding_bad(const struct finding_to *to, const char *remedy, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(to, FINDING_BAD, remedy, format, args);
    va_end(args);
}

static const char *remedy_of(int err) {
    switch (err) {
    case ERR_NET:
    case ERR_TIMEOUT:
        return "start it, or mend the address in sluice.yml; does a firewall or TLS stand between?";
    case ERR_AUTH: return "mend user and password, or what says how to log in, in sluice.yml";
    case ERR_DENIED: return "give our user the right that is named";
    case ERR_CONFIG:
    case ERR_UNSUPPORTED: return "mend the address or the property in sluice.yml";
    default: return "see what it says";
    }
}

void finding_err(const struct finding_to *to, int err) {
    char text[FINDING_TEXT_MAX];
    snprintf(text, sizeof text, "%s", err_note());
    to->say(to->arg, FINDING_BAD, text, remedy_of(err));
}

bool finding_known(const char *version, const char *known) {
    while (*known) {
        size_t len = strcspn(known, " ");
        char after = strncmp(version, known, len) ? 'x' : version[len];
        if (!after || after == '.' || after == '-' || after == ' ') return true;
        known += len + strspn(known + len, " ");
    }
    return false;
}
