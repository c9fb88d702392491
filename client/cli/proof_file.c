/*
 * A proof as it lies in a file: its bytes, or JSON with its base64. An encoded proof never
 * begins with a brace, so the first byte tells them apart. Knows nothing of what it proves.
 */
#include "cli/cli.h"

#define FILE_BYTES_MAX (2 * TAMGA_CLIENT_PROOF_BYTES_MAX) /* base64 takes a third more */

/* ---- base64 ---------------------------------------------------------------------- */

static int digit_value(uint8_t digit)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit ? strchr(digits, digit) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Four digits to up to three bytes; 0: they are none, or not the one way to write them. */
static size_t group_decode(uint8_t out[3], const uint8_t in[4], bool last)
{
    size_t pad = !last || in[3] != '=' ? 0 : in[2] != '=' ? 1 : 2;
    uint32_t group = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - pad ? digit_value(in[i]) : 0;

        if (value < 0)
            return 0;
        group = group << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i < 3; i++)
        out[i] = (uint8_t)(group >> (16 - 8 * i));
    for (size_t i = 3 - pad; i < 3; i++)
        if (out[i] != 0)
            return 0; /* bits that no byte has */
    return 3 - pad;
}

static enum tamga_err base64_decode(struct tamga_buf *out, struct tamga_span text)
{
    if (text.len % 4 != 0)
        return TAMGA_E_NOT_CANONICAL;
    for (size_t i = 0; i < text.len; i += 4) {
        uint8_t bytes[3];
        size_t count = group_decode(bytes, text.data + i, i + 4 == text.len);
        enum tamga_err err = count > 0 ? tamga_buf_add(out, tamga_span(bytes, count))
                                       : TAMGA_E_NOT_CANONICAL;

        if (err != TAMGA_OK)
            return err;
    }
    return TAMGA_OK;
}

/* ---- one member of a JSON object -------------------------------------------------- */

/* The text in quotes that begins at *at, which then is behind it. */
static bool read_text(struct tamga_span *out, struct tamga_span json, size_t *at)
{
    size_t from = *at + 1, end = from;

    while (end < json.len && json.data[end] != '"')
        end += json.data[end] == '\\' ? 2 : 1;
    if (end >= json.len)
        return false;
    *out = tamga_span(json.data + from, end - from);
    *at = end + 1;
    return true;
}

static size_t skip_space(struct tamga_span json, size_t at)
{
    while (at < json.len && memchr(" \t\r\n", json.data[at], 4) != NULL)
        at++;
    return at;
}

/* Was that the name of a member whose value is a text? Then *at becomes its quote. */
static bool leads_to_text(struct tamga_span json, size_t *at)
{
    size_t next = skip_space(json, *at);

    if (next == json.len || json.data[next] != ':')
        return false;
    next = skip_space(json, next + 1);
    if (next == json.len || json.data[next] != '"')
        return false;
    *at = next;
    return true;
}

/* The text of the outermost object's one member "proof"; false: there is not exactly one. */
static bool find_proof(struct tamga_span *out, struct tamga_span json)
{
    size_t at = 0, depth = 0, found = 0;

    while (at < json.len) {
        uint8_t byte = json.data[at];
        struct tamga_span text;

        if (byte != '"') {
            if ((byte == '}' || byte == ']') && depth-- == 0)
                return false;
            depth += byte == '{' || byte == '[';
            at++;
            continue;
        }
        if (!read_text(&text, json, &at))
            return false;
        if (depth != 1 || !tamga_span_equal(text, tamga_span_text("proof")) ||
            !leads_to_text(json, &at))
            continue;
        if (!read_text(out, json, &at))
            return false;
        found++;
    }
    return found == 1 && depth == 0;
}

enum tamga_err cli_proof_read(struct tamga_buf *out, const char *path,
                              struct tamga_detail *detail)
{
    TAMGA_BUF file = {0};
    TAMGA_BUF proof = {0};
    struct tamga_span text = {0};
    enum tamga_err err = cli_file_read(&file, path, FILE_BYTES_MAX, detail);

    if (err != TAMGA_OK)
        return err;
    if (file.len == 0 || file.data[0] != '{')
        return tamga_buf_set(out, tamga_buf_span(&file));
    if (!find_proof(&text, tamga_buf_span(&file)))
        return tamga_refuse(detail, TAMGA_E_NOT_CANONICAL,
                            "%.120s: JSON without exactly one member \"proof\"", path);
    err = base64_decode(&proof, text);
    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "%.120s: its \"proof\" is not base64", path);
    return tamga_buf_set(out, tamga_buf_span(&proof));
}
