/* Judge an address before NNG sees it: NNG's own answer would be a number. */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define SCHEME     "tcp://"
#define SCHEME_TLS "tls+tcp://"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_host_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
}

static bool host_is_good(const char *host)
{
    struct in6_addr address;
    char inner[INET6_ADDRSTRLEN];
    size_t len = strlen(host);

    if (host[0] == '[') {
        if (len < 4 || len - 2 >= sizeof inner || host[len - 1] != ']')
            return false;
        memcpy(inner, host + 1, len - 2);
        inner[len - 2] = '\0';
        return inet_pton(AF_INET6, inner, &address) == 1;
    }
    for (size_t i = 0; i < len; i++)
        if (!is_host_char(host[i]))
            return false;
    return len > 0;
}

/* -1 if it is no port. */
static long port_of(const char *text)
{
    long port = 0;
    size_t len = strlen(text);

    if (len == 0 || len > 5 || (len > 1 && text[0] == '0'))
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return -1;
        port = 10 * port + (text[i] - '0');
    }
    return port <= UINT16_MAX ? port : -1;
}

/* What follows the scheme. */
static enum tamga_err parse_rest(struct tamga_endpoint *out, const char *text, const char *host,
                                 bool port_zero, struct tamga_detail *detail)
{
    struct tamga_endpoint endpoint = {.tls = host != text + strlen(SCHEME)};
    const char *colon = strrchr(host, ':');
    long port;

    if (!colon || (size_t)(colon - host) > TAMGA_ENDPOINT_HOST_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "\"%.80s\" names no port; tcp://host:port is needed", text);
    memcpy(endpoint.host, host, (size_t)(colon - host));
    endpoint.host[colon - host] = '\0';
    if (!host_is_good(endpoint.host))
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "\"%.80s\" names no host; tcp://host:port is needed", text);
    port = port_of(colon + 1);
    if (port < (port_zero ? 0 : 1))
        return tamga_refuse(detail, TAMGA_E_USAGE, "\"%.80s\": port is not %d..65535", text,
                            port_zero ? 0 : 1);
    endpoint.port = (uint16_t)port;
    *out = endpoint;
    return TAMGA_OK;
}

static bool begins(const char *text, const char *scheme)
{
    return strncmp(text, scheme, strlen(scheme)) == 0;
}

enum tamga_err tamga_endpoint_parse(struct tamga_endpoint *out, const char *text,
                                    bool port_zero, struct tamga_detail *detail)
{
    if (!text)
        return tamga_refuse(detail, TAMGA_E_USAGE, "no address; tcp://host:port is needed");
    if (begins(text, SCHEME_TLS))
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "\"%.80s\": without certificates plain tcp:// only", text);
    if (!begins(text, SCHEME))
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "\"%.80s\" is no address; tcp://host:port is needed", text);
    return parse_rest(out, text, text + strlen(SCHEME), port_zero, detail);
}

enum tamga_err tamga_endpoint_parse_link(struct tamga_endpoint *out, const char *text,
                                         bool port_zero, struct tamga_detail *detail)
{
    if (text && begins(text, SCHEME_TLS))
        return parse_rest(out, text, text + strlen(SCHEME_TLS), port_zero, detail);
    return tamga_endpoint_parse(out, text, port_zero, detail);
}

void tamga_endpoint_format(char text[TAMGA_ENDPOINT_TEXT_MAX],
                           const struct tamga_endpoint *endpoint)
{
    snprintf(text, TAMGA_ENDPOINT_TEXT_MAX, "%s%s:%u", endpoint->tls ? SCHEME_TLS : SCHEME,
             endpoint->host, endpoint->port);
}
