/* The error table's texts. Knows nothing of who fails. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    enum tamga_err err;
    uint32_t grpc;
    const char *name;
    const char *text;
} table[] = {
#define ROW(name, code, grpc, text) {TAMGA_E_##name, grpc, #name, text},
    TAMGA_ERR_TABLE(ROW)
#undef ROW
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

static size_t row_of(enum tamga_err err)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (table[i].err == err)
            return i;
    return TABLE_COUNT;
}

const char *tamga_err_name(enum tamga_err err)
{
    size_t row = row_of(err);

    if (err == TAMGA_OK)
        return "OK";
    return row < TABLE_COUNT ? table[row].name : "UNKNOWN";
}

const char *tamga_err_text(enum tamga_err err)
{
    size_t row = row_of(err);

    if (err == TAMGA_OK)
        return "done";
    return row < TABLE_COUNT ? table[row].text : "unknown error";
}

uint32_t tamga_err_grpc(enum tamga_err err)
{
    size_t row = row_of(err);

    if (err == TAMGA_OK)
        return 0;
    return row < TABLE_COUNT ? table[row].grpc : 2;
}

enum tamga_err_class tamga_err_class(enum tamga_err err)
{
    return (enum tamga_err_class)((unsigned)err >> 8);
}

enum tamga_err tamga_err_from_code(uint32_t code)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if ((uint32_t)table[i].err == code)
            return table[i].err;
    return TAMGA_E_BAD_VALUE;
}

enum tamga_err tamga_refuse(struct tamga_detail *detail, enum tamga_err err,
                            const char *format, ...)
{
    va_list args;

    if (detail == NULL)
        return err;
    va_start(args, format);
    vsnprintf(detail->text, sizeof detail->text, format, args);
    va_end(args);
    return err;
}
