/* A reference to the cure in nng_sendmsg.c, so that every linker takes it along. */
#ifndef TAMGA_NET_NNG_SENDMSG_H
#define TAMGA_NET_NNG_SENDMSG_H

/* Call before opening a socket of NNG. Costs nothing, does nothing. */
void tamga_nng_cure(void);

#endif
