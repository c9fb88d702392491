/*
 * Configuration files: YAML read into a struct by a libcyaml schema, strictly, and every
 * refusal names file and line. Only libcyaml, libyaml and base below; knows no setting.
 *
 * libcyaml alone is not strict enough: it reports an unknown key at the line before it,
 * takes any word for true, reads 010 as 8, cuts text at a NUL and ignores a second
 * document. So the tree is judged against the schema first, and filled in afterwards.
 */
#ifndef TAMGA_CONFIG_YAML_H
#define TAMGA_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "base/err.h"

#define TAMGA_YAML_BYTES_MAX (1u * 1024 * 1024)
#define TAMGA_PATH_MAX       4096 /* with its NUL */

/*
 * Read a file into a struct that the schema describes.
 *
 * Shapes:  schema is a mapping with CYAML_FLAG_POINTER; booleans are true or false (also
 *          yes, no, on, off), integers decimal, enums one of their words; a key that is
 *          not CYAML_FLAG_OPTIONAL must be there, an unknown one or one twice must not;
 *          exactly one document, no aliases.
 * Owns:    *out is the caller's, tamga_yaml_free with the same schema.
 * Errors:  USAGE, detail "FILE:LINE: what" (or "FILE: what" for a file that is no YAML
 *          file at all: too long, not regular); FILE_IO if it cannot be read; NO_MEMORY.
 */
TAMGA_MUST_USE enum tamga_err tamga_yaml_load(const char *path,
                                              const cyaml_schema_value_t *schema, void **out,
                                              struct tamga_detail *detail);
void tamga_yaml_free(const cyaml_schema_value_t *schema, void *data);

/*
 * Refuse a value that was read but cannot be used, with its file and line.
 *
 * Shapes:  where names it from the top: "name", "peers[2].rpc" (counted from 0). The line
 *          of the nearest key above is told if there is none such.
 * Returns: USAGE, always.
 */
enum tamga_err tamga_yaml_refuse(struct tamga_detail *detail, const char *path,
                                 const char *where, const char *format, ...)
    TAMGA_PRINTF(4, 5);

/* `path` as the file at `file` means it: an absolute one as it is, a relative one from
 * that file's folder. Errors: USAGE if it is empty or too long. */
TAMGA_MUST_USE enum tamga_err tamga_path_beside(char out[TAMGA_PATH_MAX], const char *file,
                                                const char *path);

#endif
