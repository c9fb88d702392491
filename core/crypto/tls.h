/*
 * TLS 1.3 between members and devices of one network: whose certificate is trusted, and
 * whose it is. One URI in it says who shows it:
 *
 *   tamga://NETWORK-ID-HEX/member/NAME?roles=consortium,oem
 *   tamga://NETWORK-ID-HEX/device/PRODUCER/MODEL/NUMBER
 *
 * The network's own CA has signed it. Only a device may show one that it has made itself,
 * for its own key, with the certificate of its OEM inside; whoever takes devices judges that.
 *
 * Protects what is on the way and keeps strangers out; authenticity of what is said never
 * rests on it. Opens no socket: a session works on a descriptor that somebody else owns.
 */
#ifndef TAMGA_CRYPTO_TLS_H
#define TAMGA_CRYPTO_TLS_H

#include "base/id.h"
#include "base/span.h"
#include "crypto/key.h"

#define TAMGA_TLS_NAME_MAX       64  /* a member's, and each part of a device's */
#define TAMGA_TLS_DEVICE_MAX     194 /* P/M/N */
#define TAMGA_TLS_FILE_BYTES_MAX (1024u * 1024)
#define TAMGA_TLS_URI_MAX        352
#define TAMGA_TLS_WARN_S         (30 * 86400) /* before an end, say that it comes */

/* Roles as in tamga.v1.Role, which this folder does not include, and two of links alone. */
enum tamga_tls_role {
    TAMGA_TLS_OEM = 1,
    TAMGA_TLS_PROVIDER = 2,
    TAMGA_TLS_CONSORTIUM = 4,
    TAMGA_TLS_GATEWAY = 8,
    TAMGA_TLS_AUDITOR = 0x80, /* of who only reads; genesis need not know him */
    TAMGA_TLS_DEVICE = 0x100, /* no member's, and never with another */
};

struct tamga_tls_identity {
    struct tamga_hash network;
    char name[TAMGA_TLS_DEVICE_MAX + 1]; /* a member's; of a device P/M/N */
    uint32_t roles;
};

/* Errors: LINK_NAME: of neither form above, or a role that is none. */
TAMGA_MUST_USE enum tamga_err tamga_tls_identity_parse(struct tamga_tls_identity *out,
                                                       struct tamga_span uri);
/* Errors: LINK_NAME: a name or roles that could not be read back. */
TAMGA_MUST_USE enum tamga_err
tamga_tls_identity_format(char uri[TAMGA_TLS_URI_MAX],
                          const struct tamga_tls_identity *identity);

/* The roles as the URI has them, "consortium,oem"; of a device "device". */
#define TAMGA_TLS_ROLES_MAX 64
void tamga_tls_roles_format(char text[TAMGA_TLS_ROLES_MAX], uint32_t roles);

/* ---- what this side trusts and shows -------------------------------------------- */

struct tamga_tls;

/* Paths of PEM files; borrowed for open only (it keeps copies). */
struct tamga_tls_files {
    const char *ca;   /* the network's CA; several while one replaces another */
    const char *cert; /* this member's certificate */
    const char *key;  /* its key, 0600, not encrypted; or a pkcs11: URI with its pin-source */
    const char *crl;  /* what the CA has revoked; needed, it may list nothing */
};

/*
 * Read the files and judge this side's own certificate as a peer would.
 *
 * Errors:  FILE_IO, KEY_FILE (also: not the certificate's key), LINK_EXPIRED, LINK_NOT_YET,
 *          LINK_FOREIGN, LINK_REVOKED, LINK_NAME, LINK_CRL, NO_MEMORY, CRYPTO.
 * Threads: one struct serves any number of sessions in any threads.
 */
TAMGA_MUST_USE enum tamga_err tamga_tls_open(struct tamga_tls **out,
                                             const struct tamga_tls_files *files,
                                             struct tamga_detail *detail);
/* A device that shows a certificate of its own making. Borrowed for open only. */
struct tamga_tls_device {
    const char *ca, *crl; /* as above */
    const struct tamga_private_key *key;
    struct tamga_span certificate; /* by its OEM; what is in it is no affair of this folder */
    struct tamga_hash network;
    const char *name; /* P/M/N */
};
/* Errors: as open, for ca and crl; LINK_NAME. */
TAMGA_MUST_USE enum tamga_err tamga_tls_open_device(struct tamga_tls **out,
                                                    const struct tamga_tls_device *device,
                                                    struct tamga_detail *detail);
/* Sessions that are open go on. */
void tamga_tls_close(struct tamga_tls *tls);
/* Read the files again. Sessions that are open go on with what they have shown; on an
 * error everything stays as it was. Errors: as open. */
TAMGA_MUST_USE enum tamga_err tamga_tls_reload(struct tamga_tls *tls,
                                               struct tamga_detail *detail);
/* Grows with each reload: who holds sessions judges their peers anew when it has. */
unsigned tamga_tls_generation(struct tamga_tls *tls);
void tamga_tls_self(struct tamga_tls *tls, struct tamga_tls_identity *out);
/* True, with a sentence, if this side's certificate ends within TAMGA_TLS_WARN_S. */
bool tamga_tls_ends_soon(struct tamga_tls *tls, int64_t now_s, struct tamga_detail *out);

/* ---- one connection -------------------------------------------------------------- */

/* What a device shows that has made its own certificate. It has proved to hold the key. */
struct tamga_tls_shown {
    const char *name; /* P/M/N, by its URI */
    struct tamga_span certificate;
    struct tamga_span key; /* SPKI */
};

/* Who may be at the other end. */
struct tamga_tls_want {
    const char *name; /* borrowed while the session lives; NULL: any member */
    uint32_t roles;   /* a member has one of these at least; 0: any */
    /* Is it the device that it says? NULL: no devices, not even those with a certificate of
     * the CA, which are not asked about. In the session's thread. Errors: why not. */
    enum tamga_err (*device)(void *context, const struct tamga_tls_shown *shown,
                             struct tamga_detail *detail);
    void *context;
};

/* What a client keeps to resume its last session; {0} is none. */
struct tamga_tls_ticket {
    void *session;
};
void tamga_tls_ticket_clear(struct tamga_tls_ticket *ticket);

enum tamga_tls_step {
    TAMGA_TLS_DONE,
    TAMGA_TLS_READ,  /* call again when the descriptor can be read */
    TAMGA_TLS_WRITE, /* ... written */
    TAMGA_TLS_END,   /* the peer has closed */
    TAMGA_TLS_FAILED /* tamga_tls_session_err says why */
};

struct tamga_tls_session;

/* fd is borrowed and does not block. ticket: a client's, borrowed, may be NULL; a server
 * passes accepts. Errors: NO_MEMORY. Threads: one at a time. */
TAMGA_MUST_USE enum tamga_err tamga_tls_session_new(struct tamga_tls_session **out,
                                                    struct tamga_tls *tls, int fd, bool accepts,
                                                    const struct tamga_tls_want *want,
                                                    struct tamga_tls_ticket *ticket);
void tamga_tls_session_free(struct tamga_tls_session *session);
/* DONE: the peer is one that is wanted, and peer() says who. */
enum tamga_tls_step tamga_tls_session_shake(struct tamga_tls_session *session);
/* *len is the room, then what was read or taken; more than 0 exactly if DONE. */
enum tamga_tls_step tamga_tls_session_read(struct tamga_tls_session *session, uint8_t *data,
                                           size_t *len);
/* After WRITE the same bytes must come again. */
enum tamga_tls_step tamga_tls_session_write(struct tamga_tls_session *session,
                                            const uint8_t *data, size_t *len);
/* Tell the peer that no more comes; never waits. */
void tamga_tls_session_end(struct tamga_tls_session *session);
bool tamga_tls_session_resumed(const struct tamga_tls_session *session);
const struct tamga_tls_identity *tamga_tls_session_peer(const struct tamga_tls_session *session);
/* Why FAILED: LINK_EXPIRED, LINK_NOT_YET, LINK_FOREIGN, LINK_REVOKED, LINK_ROLE, LINK_NAME,
 * LINK_CRL, LINK_NO_CERTIFICATE, LINK_REFUSED, LINK_PROTOCOL, UNREACHABLE (reset); what
 * want.device found. */
enum tamga_err tamga_tls_session_err(const struct tamga_tls_session *session,
                                     struct tamga_detail *detail);
/* The peer again, under what is trusted now. Errors: as above. */
TAMGA_MUST_USE enum tamga_err tamga_tls_session_judge(struct tamga_tls_session *session);

#endif
