/* A PKCS#11 token in software, SoftHSM, in a folder of its own. */
#ifndef TAMGA_TEST_TOKEN_H
#define TAMGA_TEST_TOKEN_H

#include <stdbool.h>

#define TEST_TOKEN_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define TEST_TOKEN_PIN    "correct-1234"

/* Make a token "acme", empty, and the environment in which it is found; false: it says why on
 * standard error. The folder exists. */
bool test_token_make(const char *folder);
/* A key pair on it: type as pkcs11-tool names it, "EC:prime256v1" or "rsa:3072". */
bool test_token_key(const char *folder, const char *type, const char *id, const char *label);

#endif
