/*
 * Somebody on the way: a TCP relay on loopback that keeps every byte that it carries, in
 * either direction, as a wire-tap would. What cannot fail in a test ends the program.
 */
#ifndef TAMGA_TEST_RELAY_H
#define TAMGA_TEST_RELAY_H

#include <stdbool.h>
#include <stddef.h>

struct relay;

/* To SCHEME://127.0.0.1:PORT; addr is where to connect instead, with the same scheme. */
struct relay *relay_open(char addr[64], const char *target);
/* Ends what is connected. Everything it kept goes. */
void relay_close(struct relay *relay);
/* All bytes, both ways, of all connections so far. */
size_t relay_bytes(struct relay *relay);
/* Was the text in one direction of one connection? */
bool relay_saw(struct relay *relay, const char *text);

#endif
