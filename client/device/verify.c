/* Judges what a gateway offers: the release by itself, then its place in the chain.
 * Source: docs/PROTOCOL.md, "What a device verifies"; cheapest first. */
#include <inttypes.h>

#include "device/internal.h"
#include "merkle/tree.h"
#include "wire/wire.h"

enum tamga_err tamga_offer_decode(struct tamga_session *session)
{
    const struct tamga_chain *chain = &session->device->chain;
    TAMGA_BUF bytes = {0};
    enum tamga_err err = tamga_wire_pack(&bytes, &session->answer->transaction->base);

    if (err == TAMGA_OK)
        err = chain->rules->decode(chain, &session->item, tamga_buf_span(&bytes),
                                   session->detail);
    if (err != TAMGA_OK)
        return err;
    session->release = ((const Tamga__V1__TransactionBody *)session->item.body)->release;
    return TAMGA_OK;
}

static enum tamga_err check_producer(struct tamga_session *session)
{
    const struct tamga_device *device = session->device;
    enum tamga_err err = tamga_release_authority(device->network, &session->item.sender,
                                                 session->release, session->detail);

    if (err != TAMGA_OK)
        return err;
    return device->chain.rules->verify(&device->chain, &session->item, session->detail);
}

static enum tamga_err check_fit(const struct tamga_session *session)
{
    const Tamga__V1__CertificateBody *mine = session->device->identity.body;
    const Tamga__V1__Release *release = session->release;

    if (strcmp(release->producer, mine->device->producer) != 0 ||
        strcmp(release->model, mine->device->model) != 0)
        return tamga_refuse(session->detail, TAMGA_E_MODEL_MISMATCH,
                            "for %s/%s; this device is a %s/%s", release->producer,
                            release->model, mine->device->producer, mine->device->model);
    for (size_t i = 0; i < release->n_hardware; i++)
        if (strcmp(release->hardware[i], mine->hardware) == 0)
            return TAMGA_OK;
    if (release->n_hardware > 0)
        return tamga_refuse(session->detail, TAMGA_E_HARDWARE_MISMATCH,
                            "for %s%s; this device is revision %s", release->hardware[0],
                            release->n_hardware > 1 ? " and others" : "",
                            mine->hardware[0] == '\0' ? "(not stated)" : mine->hardware);
    return TAMGA_OK;
}

/* Other models are not this device's to know; its own installed version is. */
static enum tamga_err check_depends(const struct tamga_session *session)
{
    const struct tamga_device *device = session->device;
    const Tamga__V1__DeviceId *mine = device->identity.body->device;
    const Tamga__V1__Release *release = session->release;

    for (size_t i = 0; i < release->n_depends; i++) {
        const Tamga__V1__Dependency *depend = release->depends[i];

        if (strcmp(depend->producer, mine->producer) == 0 &&
            strcmp(depend->model, mine->model) == 0 &&
            strcmp(depend->version, device->state.version) != 0)
            return tamga_refuse(session->detail, TAMGA_E_DEPENDENCY_MISSING,
                                "needs %s; this device runs %s", depend->version,
                                device->state.version[0] == '\0' ? "no release"
                                                                 : device->state.version);
    }
    return TAMGA_OK;
}

static enum tamga_err check_state(const struct tamga_session *session)
{
    const struct tamga_device *device = session->device;
    const Tamga__V1__Release *release = session->release;
    uint64_t now_ms = tamga_device_now_ms(device);

    if (release->counter <= device->state.counter)
        return tamga_refuse(session->detail, TAMGA_E_COUNTER_ROLLBACK,
                            "counter %" PRIu64 "; installed is %" PRIu64, release->counter,
                            device->state.counter);
    if (release->expires_ms != 0 && release->expires_ms <= now_ms)
        return tamga_refuse(session->detail, TAMGA_E_RELEASE_EXPIRED,
                            "expired at %" PRIu64 " ms; it is %" PRIu64 " ms",
                            release->expires_ms, now_ms);
    if (device->blank && device->state.counter == 0 && !release->first_install)
        return tamga_refuse(session->detail, TAMGA_E_FIRST_INSTALL_NEEDED,
                            "%s is no first install", release->version);
    return check_depends(session);
}

enum tamga_err tamga_offer_verify(struct tamga_session *session)
{
    enum tamga_err err = check_producer(session);

    if (err == TAMGA_OK)
        err = check_fit(session);
    if (err == TAMGA_OK)
        err = check_state(session);
    return err;
}

/* The header is ours if the id at its height is: the id covers all of it. */
static enum tamga_err check_place(struct tamga_session *session,
                                  const struct tamga_sealed *sealed)
{
    struct tamga_block_id id, known;
    enum tamga_err err;

    tamga_header_id(&id, &sealed->header);
    err = tamga_header_log_id_at(&session->device->headers, &known, sealed->header.height,
                                 session->detail);
    if (err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(session->detail, TAMGA_E_NOT_ON_CHAIN,
                            "block %" PRIu64 " is above the chain shown",
                            sealed->header.height);
    if (err != TAMGA_OK)
        return err;
    if (!tamga_hash_equal(&known.hash, &id.hash))
        return tamga_refuse(session->detail, TAMGA_E_NOT_ON_CHAIN,
                            "another block stands at height %" PRIu64, sealed->header.height);
    session->block = id;
    return TAMGA_OK;
}

enum tamga_err tamga_offer_prove(struct tamga_session *session)
{
    const Tamga__V1__Inclusion *inclusion = session->answer->inclusion;
    struct tamga_hash path[TAMGA_MERKLE_PATH_MAX], leaf;
    struct tamga_sealed sealed;
    enum tamga_err err;

    if (inclusion == NULL)
        return tamga_refuse(session->detail, TAMGA_E_MISSING_FIELD,
                            "offer without a proof of inclusion");
    err = tamga_sealed_decode(&sealed, inclusion->sealed);
    if (err == TAMGA_OK)
        err = check_place(session, &sealed);
    if (err != TAMGA_OK)
        return err;
    if (!tamga_span_equal(tamga_wire_span(inclusion->entry),
                          tamga_buf_span(&session->item.payload)))
        return tamga_refuse(session->detail, TAMGA_E_BAD_PROOF,
                            "the proof is of another entry");
    if (inclusion->n_path > TAMGA_MERKLE_PATH_MAX)
        return TAMGA_E_BAD_PROOF;
    for (size_t i = 0; i < inclusion->n_path; i++)
        if (tamga_hash_from(&path[i], tamga_wire_span(inclusion->path[i])) != TAMGA_OK)
            return TAMGA_E_BAD_PROOF;
    tamga_merkle_leaf(&leaf, tamga_wire_span(inclusion->entry));
    err = tamga_merkle_check_inclusion(&sealed.header.body_root, sealed.header.entry_count,
                                       &leaf, inclusion->index, path, inclusion->n_path);
    session->proved = err == TAMGA_OK;
    return err;
}
