/* One connection's handshake and bytes. Opens no descriptor and waits for none. */
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/tls_internal.h"

#define SESSION_CONTEXT "tamga.v1.link"

struct tamga_tls_session {
    SSL *ssl;
    struct tamga_tls *tls; /* borrowed */
    struct tamga_tls_want want;
    struct tamga_tls_ticket *ticket;
    struct tamga_tls_identity self, peer;
    enum tamga_err err;
    struct tamga_detail detail;
    bool accepts, shaken, broken;
};

/* ---- who is there ---------------------------------------------------------------- */

static enum tamga_err want_role(struct tamga_tls_session *session)
{
    const struct tamga_tls_want *want = &session->want;
    char has[TAMGA_TLS_ROLES_MAX], wanted[TAMGA_TLS_ROLES_MAX];

    if (session->peer.roles == TAMGA_TLS_DEVICE)
        return want->device ? TAMGA_OK
                            : tamga_refuse(&session->detail, TAMGA_E_LINK_ROLE,
                                           "%s is a device, and none may link here",
                                           session->peer.name);
    if (!want->roles || want->roles & session->peer.roles)
        return TAMGA_OK;
    tamga_tls_roles_format(has, session->peer.roles);
    tamga_tls_roles_format(wanted, want->roles);
    return tamga_refuse(&session->detail, TAMGA_E_LINK_ROLE, "%s is %s, wanted is %s",
                        session->peer.name, has, wanted);
}

static enum tamga_err wanted(struct tamga_tls_session *session)
{
    const struct tamga_tls_identity *peer = &session->peer;
    const struct tamga_tls_want *want = &session->want;

    if (memcmp(peer->network.byte, session->self.network.byte, sizeof peer->network.byte) != 0)
        return tamga_refuse(&session->detail, TAMGA_E_LINK_FOREIGN,
                            "certificate of %s is for another network", peer->name);
    if (want->name && strcmp(want->name, peer->name) != 0)
        return tamga_refuse(&session->detail, TAMGA_E_LINK_NAME,
                            "certificate is that of %s, wanted is %s", peer->name, want->name);
    return want_role(session);
}

/* Whoever looks into it wants to know whom it is about, though nobody vouches for that. */
static void tell_whom(struct tamga_tls_session *session, const X509 *cert)
{
    struct tamga_tls_identity said;

    if (tamga_tls_identity_of(&said, cert) == TAMGA_OK)
        (void)tamga_refuse(&session->detail, session->err, "%s; it says that it is %s",
                           tamga_err_text(session->err), said.name);
}

/* In the handshake, so that the peer is told by an alert. The chain is judged by now. */
static int on_verify(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tamga_tls_session *session = SSL_get_app_data(ssl);

    if (!good) {
        session->err = tamga_tls_verdict(X509_STORE_CTX_get_error(store));
        tell_whom(session, X509_STORE_CTX_get0_cert(store));
        return 0;
    }
    if (X509_STORE_CTX_get_error_depth(store) > 0)
        return 1;
    session->err = tamga_tls_identity_of(&session->peer, X509_STORE_CTX_get_current_cert(store));
    if (!session->err)
        session->err = wanted(session);
    if (!session->err)
        return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

/* Whether devices are welcome at all is asked first: it costs no signature. */
static enum tamga_err judge_own(struct tamga_tls_session *session, X509 *cert)
{
    enum tamga_err err = tamga_tls_identity_of(&session->peer, cert);

    if (!err && session->peer.roles != TAMGA_TLS_DEVICE)
        err = tamga_refuse(&session->detail, TAMGA_E_LINK_FOREIGN,
                           "%s has made its certificate itself, and is no device",
                           session->peer.name);
    if (!err)
        err = wanted(session);
    return err ? err : tamga_tls_own_judge(cert, session->peer.name, &session->want,
                                           &session->detail);
}

/* What the alert says is what is nearest; the peer is told no more. */
static int x509_error_of(enum tamga_err err)
{
    return err == TAMGA_E_CERTIFICATE_EXPIRED ? X509_V_ERR_CERT_HAS_EXPIRED
                                              : X509_V_ERR_APPLICATION_VERIFICATION;
}

/* In place of the library's own verdict, which knows nothing of devices. */
static int on_certificate(X509_STORE_CTX *store, void *unused)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tamga_tls_session *session = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get0_cert(store);

    (void)unused;
    if (!tamga_tls_is_own(cert))
        return X509_verify_cert(store);
    session->err = judge_own(session, cert);
    X509_STORE_CTX_set_error(store, session->err ? x509_error_of(session->err) : X509_V_OK);
    return session->err == TAMGA_OK;
}

enum tamga_err tamga_tls_session_judge(struct tamga_tls_session *session)
{
    X509 *cert = SSL_get0_peer_certificate(session->ssl);
    SSL_CTX *context;

    if (!cert)
        return TAMGA_E_LINK_NO_CERTIFICATE;
    if (tamga_tls_is_own(cert)) {
        session->err = judge_own(session, cert);
        return session->err;
    }
    pthread_mutex_lock(&session->tls->lock);
    context = session->tls->context;
    SSL_CTX_up_ref(context);
    pthread_mutex_unlock(&session->tls->lock);
    session->err = tamga_tls_judge(&session->peer, context, cert);
    SSL_CTX_free(context);
    if (!session->err)
        session->err = wanted(session);
    return session->err;
}

/* ---- life ------------------------------------------------------------------------ */

/* A client's ticket came. What is kept is a copy, and a copy of that is used: of one that a
 * connection holds, the library says that it must not be resumed as soon as that is lost. */
static int on_ticket(SSL *ssl, SSL_SESSION *resumable)
{
    struct tamga_tls_session *session = SSL_get_app_data(ssl);
    SSL_SESSION *copy = session->ticket ? SSL_SESSION_dup(resumable) : NULL;

    if (copy) {
        SSL_SESSION_free(session->ticket->session);
        session->ticket->session = copy;
    }
    return 0; /* the library's own reference stays the library's */
}

static void resume(const struct tamga_tls_session *session)
{
    SSL_SESSION *copy = NULL;

    if (session->ticket && session->ticket->session)
        copy = SSL_SESSION_dup(session->ticket->session);
    if (copy)
        SSL_set_session(session->ssl, copy);
    SSL_SESSION_free(copy);
}

void tamga_tls_session_prepare(SSL_CTX *context)
{
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
    SSL_CTX_set_cert_verify_callback(context, on_certificate, NULL);
    /* A server keeps nothing: its tickets hold all, under keys that go with the context. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_ticket);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)SESSION_CONTEXT,
                                   sizeof SESSION_CONTEXT - 1);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_read_ahead(context, 1);
}

void tamga_tls_ticket_clear(struct tamga_tls_ticket *ticket)
{
    SSL_SESSION_free(ticket->session);
    ticket->session = NULL;
}

enum tamga_err tamga_tls_session_new(struct tamga_tls_session **out, struct tamga_tls *tls,
                                     int fd, bool accepts, const struct tamga_tls_want *want,
                                     struct tamga_tls_ticket *ticket)
{
    struct tamga_tls_session *session = calloc(1, sizeof *session);

    if (!session)
        return TAMGA_E_NO_MEMORY;
    session->tls = tls;
    session->want = *want;
    session->ticket = accepts ? NULL : ticket;
    session->accepts = accepts;
    pthread_mutex_lock(&tls->lock);
    session->ssl = SSL_new(tls->context);
    session->self = tls->self;
    pthread_mutex_unlock(&tls->lock);
    if (!session->ssl || SSL_set_fd(session->ssl, fd) != 1) {
        tamga_tls_session_free(session);
        return TAMGA_E_NO_MEMORY;
    }
    SSL_set_app_data(session->ssl, session);
    if (accepts)
        SSL_set_accept_state(session->ssl);
    else
        SSL_set_connect_state(session->ssl);
    resume(session);
    *out = session;
    return TAMGA_OK;
}

void tamga_tls_session_free(struct tamga_tls_session *session)
{
    if (!session)
        return;
    SSL_free(session->ssl);
    free(session);
}

/* ---- steps ----------------------------------------------------------------------- */

/* What the library's first error says, if our own verdict is not there already. */
static enum tamga_err failure_of(struct tamga_tls_session *session)
{
    unsigned long first = ERR_peek_error();
    int reason = ERR_GET_REASON(first);

    if (session->err)
        return session->err;
    if (first == 0)
        return tamga_refuse(&session->detail, TAMGA_E_UNREACHABLE, "connection was lost");
    if (ERR_GET_LIB(first) != ERR_LIB_SSL)
        return tamga_refuse(&session->detail, TAMGA_E_LINK_PROTOCOL, "library error %lx", first);
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return tamga_refuse(&session->detail, TAMGA_E_LINK_NO_CERTIFICATE,
                            "peer showed no certificate");
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return tamga_refuse(&session->detail, TAMGA_E_UNREACHABLE, "connection was lost");
    /* Alerts have the reason 1000 + their number: RFC 8446, 6.2. */
    if (reason == SSL_AD_REASON_OFFSET + SSL_AD_PROTOCOL_VERSION)
        return tamga_refuse(&session->detail, TAMGA_E_LINK_PROTOCOL,
                            "peer does not speak TLS 1.3");
    if (reason > SSL_AD_REASON_OFFSET)
        return tamga_refuse(&session->detail, TAMGA_E_LINK_REFUSED, "peer answered: %s",
                            SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    return tamga_refuse(&session->detail, TAMGA_E_LINK_PROTOCOL, "%s",
                        ERR_reason_error_string(first));
}

static enum tamga_tls_step step_of(struct tamga_tls_session *session, int result)
{
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_NONE:
        return TAMGA_TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TAMGA_TLS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TAMGA_TLS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TAMGA_TLS_END;
    default:
        session->err = failure_of(session);
        session->broken = true;
        ERR_clear_error();
        return TAMGA_TLS_FAILED;
    }
}

/* A resumed session shows no certificate again: what was shown then is judged now. */
enum tamga_tls_step tamga_tls_session_shake(struct tamga_tls_session *session)
{
    enum tamga_tls_step step;

    ERR_clear_error();
    step = step_of(session, SSL_do_handshake(session->ssl));
    if (step == TAMGA_TLS_END) {
        session->err = TAMGA_E_UNREACHABLE;
        return TAMGA_TLS_FAILED;
    }
    if (step != TAMGA_TLS_DONE)
        return step;
    if (SSL_session_reused(session->ssl) && tamga_tls_session_judge(session) != TAMGA_OK)
        return TAMGA_TLS_FAILED;
    session->shaken = true;
    return TAMGA_TLS_DONE;
}

enum tamga_tls_step tamga_tls_session_read(struct tamga_tls_session *session, uint8_t *data,
                                           size_t *len)
{
    size_t room = *len;

    *len = 0;
    ERR_clear_error();
    return step_of(session, SSL_read_ex(session->ssl, data, room, len));
}

enum tamga_tls_step tamga_tls_session_write(struct tamga_tls_session *session,
                                            const uint8_t *data, size_t *len)
{
    size_t count = *len;

    *len = 0;
    ERR_clear_error();
    return step_of(session, SSL_write_ex(session->ssl, data, count, len));
}

void tamga_tls_session_end(struct tamga_tls_session *session)
{
    if (!session->shaken || session->broken)
        return;
    ERR_clear_error();
    (void)SSL_shutdown(session->ssl);
    ERR_clear_error();
}

bool tamga_tls_session_resumed(const struct tamga_tls_session *session)
{
    return SSL_session_reused(session->ssl) == 1;
}

const struct tamga_tls_identity *tamga_tls_session_peer(const struct tamga_tls_session *session)
{
    return &session->peer;
}

enum tamga_err tamga_tls_session_err(const struct tamga_tls_session *session,
                                     struct tamga_detail *detail)
{
    if (detail)
        snprintf(detail->text, sizeof detail->text, "%s",
                 session->detail.text[0] ? session->detail.text : tamga_err_text(session->err));
    return session->err;
}
