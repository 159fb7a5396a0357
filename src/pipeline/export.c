/* export.c - what the exports share: literals and addresses. */
#include "pipeline/export.h"

/* Bytes that are no UTF-8 cannot come here: the file's reader has refused them. */
static uint32_t next_char(struct str text, size_t *at) {
    unsigned char lead = (unsigned char)text.ptr[(*at)++];
    if (lead < 0x80) return lead;
    uint32_t code = lead >= 0xF0 ? lead & 7 : lead >= 0xE0 ? lead & 15 : lead & 31;
    while (*at < text.len && ((unsigned char)text.ptr[*at] & 0xC0) == 0x80)
        code = code << 6 | ((unsigned char)text.ptr[(*at)++] & 63);
    return code;
}

void export_py(struct buf *out, struct str text) {
    buf_putc(out, '\'');
    for (size_t i = 0; i < text.len;) {
        uint32_t code = next_char(text, &i);
        if (code == '\'' || code == '\\') buf_printf(out, "\\%c", (int)code);
        else if (code == '\n') buf_putz(out, "\\n");
        else if (code >= 0x20 && code < 0x7F) buf_putc(out, (char)code);
        else if (code < 0x100) buf_printf(out, "\\x%02x", code);
        else if (code < 0x10000) buf_printf(out, "\\u%04x", code);
        else buf_printf(out, "\\U%08x", code);
    }
    buf_putc(out, '\'');
}

struct address_url export_url(const struct export_in *in, enum conf_tier tier) {
    const char *url = in->conf->address[tier].url;
    struct address_url parsed = {.hosts = STR(""), .path = STR(""), .user = STR("")};
    if (url && address_parse(str_of(url), in->arena, &parsed)) parsed.hosts = STR("");
    return parsed;
}
