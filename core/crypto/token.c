/*
 * PKCS#11 through OpenSSL's engine "pkcs11", which is loaded when the first such key is asked
 * for: programs do not depend on it. OpenSSL 3.0 calls engines deprecated, and Debian 12 has
 * no provider for it.
 *
 * The PIN's attributes are read here and not by the engine: it would take a file that others
 * can read. Never asks at a terminal, and never tries a PIN twice: tokens lock themselves.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/token.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>

#include "crypto/key_internal.h"
#include "crypto/passphrase.h"

#define SCHEME          "pkcs11:"
#define PIN_SOURCE      "pin-source="
#define MODULE_PATH     "module-path="
#define ENGINE_NAME     "pkcs11"
#define ENGINE_PACKAGE  "libengine-pkcs11-openssl"
#define ERROR_LIBRARY   "PKCS#11 module" /* what the engine calls the module's own codes */
#define CKR_PIN_WRONG   0xa0             /* PKCS #11 2.40, "pkcs11t.h" */
#define CKR_PIN_INVALID 0xa1
#define CKR_PIN_LENGTH  0xa2
#define CKR_PIN_LOCKED  0xa4
#define ERRORS_MAX      32 /* OpenSSL keeps 16 */

/* {0} is empty. */
struct uri {
    char path[TAMGA_TOKEN_URI_MAX]; /* all before the "?": what the engine is asked for */
    char pin_source[TAMGA_TOKEN_URI_MAX];
    char module[TAMGA_TOKEN_URI_MAX]; /* empty: the engine's own, p11-kit's proxy */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static ENGINE *engine;
static UI_METHOD *silent;
static char engine_module[TAMGA_TOKEN_URI_MAX];

bool tamga_token_is_named(const char *name)
{
    return strncmp(name, SCHEME, strlen(SCHEME)) == 0;
}

bool tamga_token_has_pin(const char *uri)
{
    const char *query = strchr(uri, '?');

    return query != NULL && strstr(query, PIN_SOURCE) != NULL;
}

/* ---- the URI ----------------------------------------------------------------------------- */

/* A value with %XX, up to `end`; false: too long, or no such form. */
static bool unescape(char out[TAMGA_TOKEN_URI_MAX], const char *value, const char *end)
{
    size_t len = 0;

    while (value < end) {
        char hex[3] = "";
        uint8_t byte = (uint8_t)*value;

        if (byte == '%') {
            if (end - value < 3)
                return false;
            memcpy(hex, value + 1, 2);
            if (tamga_from_hex(&byte, 1, hex) != TAMGA_OK)
                return false;
        }
        value += hex[0] == '\0' ? 1 : 3;
        if (byte == '\0' || len + 1 >= TAMGA_TOKEN_URI_MAX)
            return false;
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    return len > 0;
}

/* The file that a pin-source names; programs ("|...") are not run. */
static bool pin_source(struct uri *uri, const char *value, const char *end)
{
    char text[TAMGA_TOKEN_URI_MAX];
    const char *path = text;

    if (!unescape(text, value, end))
        return false;
    if (strncmp(path, "file:", 5) == 0)
        path += 5;
    strcpy(uri->pin_source, path);
    return path[0] == '/';
}

static enum tamga_err query_parse(struct uri *uri, const char *query,
                                  struct tamga_detail *detail)
{
    while (*query != '\0') {
        const char *end = query + strcspn(query, "&");
        bool fine = false;

        if (strncmp(query, "pin-value=", 10) == 0)
            return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                                "a URI with pin-value ends up in logs and lists of processes: "
                                "put the PIN into a file, and name that by pin-source");
        if (strncmp(query, PIN_SOURCE, strlen(PIN_SOURCE)) == 0)
            fine = pin_source(uri, query + strlen(PIN_SOURCE), end);
        else if (strncmp(query, MODULE_PATH, strlen(MODULE_PATH)) == 0)
            fine = unescape(uri->module, query + strlen(MODULE_PATH), end);
        if (!fine)
            return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                                "%.*s: after the ? are accepted pin-source=/FILE and "
                                "module-path=FILE",
                                (int)(end - query < 120 ? end - query : 120), query);
        query = *end == '&' ? end + 1 : end;
    }
    return TAMGA_OK;
}

/* The engine knows these; without one of the last two it would take any key. */
static bool path_is_good(const char *path)
{
    static const char *const name[] = {"token=", "serial=", "manufacturer=", "model=",
                                       "type=",  "object=", "id="};
    bool names_key = false;

    for (const char *at = path + strlen(SCHEME); *at != '\0';) {
        size_t i = 0;

        while (i < 7 && strncmp(at, name[i], strlen(name[i])) != 0)
            i++;
        if (i == 7)
            return false;
        names_key = names_key || i >= 5;
        at += strcspn(at, ";");
        at += *at == ';';
    }
    return names_key;
}

static enum tamga_err uri_parse(struct uri *out, const char *text, struct tamga_detail *detail)
{
    size_t path_len = strcspn(text, "?");

    if (strlen(text) >= TAMGA_TOKEN_URI_MAX)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%.40s...: longer than %d characters",
                            text, TAMGA_TOKEN_URI_MAX - 1);
    memcpy(out->path, text, path_len);
    out->path[path_len] = '\0';
    if (strstr(out->path, "pin-value=") != NULL || !path_is_good(out->path))
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "a key on a token is pkcs11: and token=, serial=, manufacturer=, "
                            "model=, type=, and object= or id=, with ; between");
    return text[path_len] == '?' ? query_parse(out, text + path_len + 1, detail) : TAMGA_OK;
}

/* ---- the engine ---------------------------------------------------------------------------- */

/* Keys that want their PIN again for each signature would have it asked at the terminal. */
static int ask_nobody(UI *ui, UI_STRING *question)
{
    (void)ui;
    (void)question;
    return 0;
}

/* Before the module's own destructors, and before OpenSSL's: after them it crashes. The
 * engine is not given back, or it would be unloaded before what it never frees is looked at. */
static void engine_end(void)
{
    (void)ENGINE_finish(engine);
}

static enum tamga_err engine_begin(const struct uri *uri, struct tamga_detail *detail)
{
    ENGINE *found;

    if (silent == NULL)
        silent = UI_create_method("tamga");
    if (silent == NULL || UI_method_set_reader(silent, ask_nobody) != 0)
        return TAMGA_E_NO_MEMORY;
    found = ENGINE_by_id(ENGINE_NAME);
    if (found == NULL)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "OpenSSL has no engine \"" ENGINE_NAME "\": install it (Debian: "
                            ENGINE_PACKAGE ")");
    if ((uri->module[0] != '\0' &&
         ENGINE_ctrl_cmd_string(found, "MODULE_PATH", uri->module, 0) != 1) ||
        ENGINE_ctrl_cmd_string(found, "QUIET", NULL, 0) != 1 ||
        ENGINE_ctrl(found, ENGINE_CTRL_SET_USER_INTERFACE, 0, silent, NULL) != 1 ||
        ENGINE_init(found) != 1) {
        ENGINE_free(found);
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "OpenSSL's engine \"" ENGINE_NAME "\" does not start");
    }
    engine = found;
    strcpy(engine_module, uri->module);
    return TAMGA_OK;
}

static enum tamga_err engine_take(const struct uri *uri, struct tamga_detail *detail)
{
    if (engine == NULL)
        return engine_begin(uri, detail);
    if (strcmp(engine_module, uri->module) != 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "all keys of a process take the same module-path: %.60s, not %.60s",
                            engine_module[0] ? engine_module : "none",
                            uri->module[0] ? uri->module : "none");
    return TAMGA_OK;
}

/* ---- a key --------------------------------------------------------------------------------- */

/* The module's own code, if there is one in what the engine has left; 0 else. */
static int module_code(void)
{
    int code = 0;
    unsigned long error;

    for (int i = 0; i < ERRORS_MAX && (error = ERR_get_error()) != 0; i++) {
        const char *library = ERR_lib_error_string(error);

        if (library != NULL && strcmp(library, ERROR_LIBRARY) == 0)
            code = ERR_GET_REASON(error);
    }
    ERR_clear_error();
    return code;
}

/* The engine does not tell: after its PIN, a token is there if it shows any private key. (Of
 * public ones it would lose memory.) */
static bool token_is_there(const struct uri *uri)
{
    char token[TAMGA_TOKEN_URI_MAX] = SCHEME;
    const char *at = uri->path + strlen(SCHEME);
    EVP_PKEY *any;

    while (*at != '\0') {
        size_t len = strcspn(at, ";");

        if (strncmp(at, "object=", 7) != 0 && strncmp(at, "id=", 3) != 0) {
            if (token[strlen(SCHEME)] != '\0')
                strcat(token, ";");
            strncat(token, at, len);
        }
        at += len + (at[len] == ';');
    }
    any = ENGINE_load_private_key(engine, token, silent, NULL);
    ERR_clear_error();
    EVP_PKEY_free(any);
    return any != NULL;
}

static enum tamga_err say_why(const struct uri *uri, struct tamga_detail *detail)
{
    int code = module_code();

    if (code == CKR_PIN_WRONG || code == CKR_PIN_INVALID || code == CKR_PIN_LENGTH)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.150s: wrong PIN; it was tried once, tokens lock themselves",
                            uri->path);
    if (code == CKR_PIN_LOCKED)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.150s: the PIN is locked: too many wrong ones", uri->path);
    if (code != 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%.150s: the token answers CKR 0x%x",
                            uri->path, (unsigned)code);
    if (token_is_there(uri))
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.150s: the token is there, but no such key on it", uri->path);
    return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                        "%.100s: no such token, more than one, or its module is not found "
                        "(module-path=, or a module of p11-kit)",
                        uri->path);
}

/* The engine keeps the PIN to log in again: it is given before each key. */
static enum tamga_err load(EVP_PKEY **out, const struct uri *uri, const char *pin,
                           struct tamga_detail *detail)
{
    static bool ends;
    enum tamga_err err = engine_take(uri, detail);
    EVP_PKEY *pkey;

    if (err != TAMGA_OK)
        return err;
    if (ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0) != 1)
        return TAMGA_E_NO_MEMORY;
    ERR_clear_error();
    pkey = ENGINE_load_private_key(engine, uri->path, silent, NULL);
    if (!ends) /* now that the module is loaded: engine_end says why not earlier */
        ends = atexit(engine_end) == 0;
    if (pkey == NULL)
        return say_why(uri, detail);
    *out = pkey;
    return TAMGA_OK;
}

enum tamga_err tamga_token_private_load(EVP_PKEY **out, const char *text,
                                        const char *passphrase, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *pin = NULL;
    struct uri uri = {0};
    enum tamga_err err = uri_parse(&uri, text, detail);

    if (err == TAMGA_OK && uri.pin_source[0] != '\0')
        err = tamga_passphrase_read(&pin, uri.pin_source, detail);
    if (err != TAMGA_OK)
        return err;
    if (pin != NULL)
        passphrase = pin->text;
    if (passphrase == NULL)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "%.120s: its PIN is needed: ?pin-source=/FILE, or the passphrase's "
                            "file",
                            uri.path);
    pthread_mutex_lock(&lock);
    err = load(out, &uri, passphrase, detail);
    ERR_clear_error();
    pthread_mutex_unlock(&lock);
    return err;
}
