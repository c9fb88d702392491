/* core/base/err.c: the table is whole, and every code is told and classed. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static const struct {
    enum tamga_err err;
    const char *name;
} table[] = {
#define ROW(name, code, grpc, text) {TAMGA_E_##name, #name},
    TAMGA_ERR_TABLE(ROW)
#undef ROW
};
#define COUNT (sizeof table / sizeof table[0])

/*
 * Goal:   no two rows share code, name or sentence; codes are on the wire.
 * Method: all pairs.
 */
Test(err, rows_are_distinct)
{
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++) {
            cr_assert_neq(table[i].err, table[j].err, "%s", table[i].name);
            cr_assert_str_neq(table[i].name, table[j].name);
            cr_assert_str_neq(tamga_err_text(table[i].err),
                              tamga_err_text(table[j].err), "%s", table[i].name);
        }
}

/*
 * Goal:   each code has a class that says what to do, a gRPC code that is an error, its
 *         name and a sentence; its number leads back to it.
 * Method: every row.
 */
Test(err, rows_are_whole)
{
    for (size_t i = 0; i < COUNT; i++) {
        enum tamga_err_class class = tamga_err_class(table[i].err);
        uint32_t grpc = tamga_err_grpc(table[i].err);

        cr_assert(class == TAMGA_CLASS_REJECT || class == TAMGA_CLASS_LATER ||
                  class == TAMGA_CLASS_LOCAL);
        cr_assert(grpc >= 1 && grpc <= 16);
        cr_assert_str_eq(tamga_err_name(table[i].err), table[i].name);
        cr_assert_gt(strlen(tamga_err_text(table[i].err)), 10);
        cr_assert_eq(tamga_err_from_code((uint32_t)table[i].err), table[i].err);
    }
}

/*
 * Goal:   codes that other programs have stored keep their numbers.
 * Method: one of each class and corner, written out.
 */
Test(err, pinned_numbers)
{
    cr_assert_eq(TAMGA_OK, 0);
    cr_assert_eq(TAMGA_E_TRUNCATED, 0x0101);
    cr_assert_eq(TAMGA_E_BAD_KEY, 0x0120);
    cr_assert_eq(TAMGA_E_BAD_SIGNATURE, 0x0121);
    cr_assert_eq(TAMGA_E_DUPLICATE_IMAGE, 0x0143);
    cr_assert_eq(TAMGA_E_BAD_PROOF, 0x0173);
    cr_assert_eq(TAMGA_E_NO_PARENT, 0x0201);
    cr_assert_eq(TAMGA_E_STORE_IO, 0x0301);
    cr_assert_eq(TAMGA_E_KEY_FILE, 0x0307);
}

/*
 * Goal:   success and numbers that are no code are told apart from errors.
 * Method: OK, and numbers beside and far from the table.
 */
Test(err, ok_and_unknown)
{
    static const uint32_t unknown[] = {1, 0x0100, 0x01ff, 0x0400, UINT32_MAX};

    cr_assert_str_eq(tamga_err_name(TAMGA_OK), "OK");
    cr_assert_str_eq(tamga_err_text(TAMGA_OK), "done");
    cr_assert_eq(tamga_err_grpc(TAMGA_OK), 0);
    cr_assert_eq(tamga_err_class(TAMGA_OK), TAMGA_CLASS_OK);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        cr_assert_eq(tamga_err_from_code(unknown[i]), TAMGA_E_BAD_VALUE);
    cr_assert_str_eq(tamga_err_name((enum tamga_err)0x0400), "UNKNOWN");
    cr_assert_eq(tamga_err_grpc((enum tamga_err)0x0400), 2);
}

/*
 * Goal:   a refusal returns its code, with or without a detail, and a long detail is
 *         cut, never written past its end.
 * Method: a guard byte behind the detail; a text of twice the room.
 */
Test(err, refuse)
{
    struct {
        struct tamga_detail detail;
        char guard;
    } out = {.guard = 'g'};
    char longer[2 * TAMGA_DETAIL_MAX];

    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    cr_assert_eq(tamga_refuse(NULL, TAMGA_E_BAD_KEY, "%d", 1), TAMGA_E_BAD_KEY);
    cr_assert_eq(tamga_refuse(&out.detail, TAMGA_E_QUOTA, "%d of %s", 3, "two"),
                 TAMGA_E_QUOTA);
    cr_assert_str_eq(out.detail.text, "3 of two");
    cr_assert_eq(tamga_refuse(&out.detail, TAMGA_E_QUOTA, "%s", longer), TAMGA_E_QUOTA);
    cr_assert_eq(strlen(out.detail.text), TAMGA_DETAIL_MAX - 1);
    cr_assert_eq(out.guard, 'g');
}
