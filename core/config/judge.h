/*
 * Is a YAML tree what a schema asks for? Private to core/config: knows no file.
 */
#ifndef TAMGA_CONFIG_JUDGE_H
#define TAMGA_CONFIG_JUDGE_H

#include <yaml.h>

#include "config/yaml.h"

#define TAMGA_YAML_DEPTH_MAX 16 /* of schemas: ours have 3 */

/* What is wrong, and where; line 0: nothing. */
struct tamga_yaml_fault {
    size_t line;
    char text[TAMGA_DETAIL_MAX];
};

/* True if the document is what the schema asks for; otherwise *fault says why not. */
bool tamga_yaml_judge(yaml_document_t *document, const cyaml_schema_value_t *schema,
                      struct tamga_yaml_fault *fault);

/* Value of a key in a mapping; NULL if it has none such. */
yaml_node_t *tamga_yaml_child(yaml_document_t *document, const yaml_node_t *mapping,
                              const char *key, size_t key_len);

#endif
