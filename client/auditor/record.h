/*
 * One install record, opened and verified, told as people read it. Its release is asked
 * for besides, from the consortium chain that every gateway holds too.
 */
#ifndef TAMGA_AUDITOR_RECORD_H
#define TAMGA_AUDITOR_RECORD_H

#include "auditor/notice.h"
#include "link/client_internal.h"
#include "tamga/v1/record.pb-c.h"

/* {0} is empty. What info borrows lives here. */
struct tamga_record {
    struct tamga_record_info info;
    struct tamga_evidence evidence;         /* of the record */
    struct tamga_evidence release;          /* of its release, unless info.release_err */
    ProtobufCMessage *receipt;              /* Tamga__V1__ReceiptBody */
    struct tamga_notice withdrawal;         /* empty: there is none */
    struct tamga_notice permit;
    char device[TAMGA_CLIENT_DEVICE_MAX];
};
void tamga_record_clear(struct tamga_record *record);

/*
 * Fetch and verify a record and its release by the record's id.
 *
 * Errors:  as tamga_evidence_fetch, for the record; what is wrong with the release is
 *          told in info.release_err, and what with a notice in its own error.
 */
TAMGA_MUST_USE enum tamga_err tamga_record_fetch(struct tamga_record *out,
                                                 struct tamga_client *client,
                                                 const struct tamga_entry_id *id,
                                                 struct tamga_detail *detail);

#endif
