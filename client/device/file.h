/*
 * Files that survive a power loss, relative to an open folder. Private to the device
 * library; knows no content.
 */
#ifndef TAMGA_DEVICE_FILE_H
#define TAMGA_DEVICE_FILE_H

#include "base/id.h"

/* Open a folder for *at calls, made if absent (one level). Errors: FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_device_folder_open(int *out, const char *path,
                                                       struct tamga_detail *detail);
TAMGA_MUST_USE enum tamga_err tamga_device_folder_sync(int folder,
                                                       struct tamga_detail *detail);
/* Replace out by a file's content. Errors: NOT_FOUND, TOO_LARGE beyond max, FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_device_file_read(struct tamga_buf *out, int folder,
                                                     const char *name, size_t max,
                                                     struct tamga_detail *detail);
/* Written beside, synced, renamed, folder synced: the old content or the new one. */
TAMGA_MUST_USE enum tamga_err tamga_device_file_replace(int folder, const char *name,
                                                        struct tamga_span bytes,
                                                        struct tamga_detail *detail);
/* SHA-256 and length as read back. Errors: NOT_FOUND, TOO_LARGE beyond max, FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_device_file_hash(struct tamga_hash *out, uint64_t *len,
                                                     int folder, const char *name,
                                                     uint64_t max,
                                                     struct tamga_detail *detail);
/* All bytes at an offset, or FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_device_file_put(int fd, struct tamga_span bytes,
                                                    uint64_t offset,
                                                    struct tamga_detail *detail);
/* Exactly len bytes from an offset. Errors: TRUNCATED, FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_device_file_get(int fd, uint8_t *out, size_t len,
                                                    uint64_t offset,
                                                    struct tamga_detail *detail);
/* For TAMGA_CLEANUP: closes *fd unless it is negative. */
void tamga_device_fd_close(int *fd);

#endif
