/* A counting SMTP sink: takes every message, keeps none, and is never what a sender waits for.
 *
 *   sink [-c] [-s BYTES] [-r FILE] [-p PORT]
 *
 *   -c        offers CHUNKING and takes BDAT (RFC 3030)
 *   -s BYTES  the largest message it takes (SIZE, RFC 1870); 0, the default, is no limit
 *   -r FILE   appends a line with the recipients of every accepted message, by one write(2), before it says 250
 *   -p PORT   on 127.0.0.1; 0, the default, lets the system choose
 *
 * Its first line of output is "listening PORT". On SIGTERM or SIGINT it prints "messages N bytes N connections N" and
 * ends; the command XCOUNT on a connection answers the same without ending. Bytes are those of message content, without
 * the final dot and without anything unstuffed. It offers PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES and SIZE.
 *
 * One thread, epoll, one shared buffer. Whatever a read brought is worked off whole, and answered in one write.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BUFFER = 1 << 18, LINE = 2048, ANSWERS = 1 << 16, RECIPIENTS = 1 << 14, EVENTS = 256 };

enum state { COMMAND, DATA, CHUNK };

struct connection {
    int fd;
    enum state state;
    bool greeted, mail, overlong, chunk_last, chunk_refused, too_large, chunking;
    bool closing;            /* after QUIT: answer, then close */
    bool blocked;            /* answers wait for room, and EPOLLOUT for them */
    unsigned recipients;
    uint64_t size;           /* of the message so far */
    uint64_t chunk_left;     /* octets of a BDAT that are still to come */
    unsigned held;           /* bytes kept from the read before: a piece of a line, or of CRLF.CRLF */
    unsigned names_length;
    size_t out_length;
    char hold[LINE];
    char names[RECIPIENTS];  /* kept only with -r: "a@example.org b@example.org" */
    char out[ANSWERS];
};

static char buffer[LINE + BUFFER];
static uint64_t messages, bytes, connections;
static uint64_t size_limit;
static bool chunking;
static int record = -1;
static int poller;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void answer(struct connection *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(c->out + c->out_length, ANSWERS - c->out_length, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= ANSWERS - c->out_length)
        c->closing = true; /* it pipelines commands for ever and reads no answer */
    else
        c->out_length += (size_t)length;
}

static void reset(struct connection *c) {
    c->mail = c->too_large = false;
    c->recipients = c->names_length = 0;
    c->size = 0;
}

static void accepted(struct connection *c) {
    if (size_limit && c->size > size_limit) {
        answer(c, "552 5.3.4 the message is larger than %llu bytes\r\n", (unsigned long long)size_limit);
    } else {
        if (record >= 0) {
            c->names[c->names_length] = '\n';
            ssize_t length = c->names_length + 1;
            if (write(record, c->names, (size_t)length) != length)
                die("the record of recipients");
        }
        messages++;
        bytes += c->size;
        answer(c, "250 2.0.0 taken\r\n");
    }
    reset(c);
}

/* Where "\n." begins in s, or NULL. Lines are short, so a search for either byte alone would stop all the time. */
static const char *line_with_dot(const char *s, const char *end) {
#ifdef __SSE2__
    const __m128i feed = _mm_set1_epi8('\n'), dot = _mm_set1_epi8('.');
    while (end - s > 16) {
        __m128i here = _mm_loadu_si128((const __m128i *)s), next = _mm_loadu_si128((const __m128i *)(s + 1));
        int found = _mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(here, feed), _mm_cmpeq_epi8(next, dot)));
        if (found)
            return s + __builtin_ctz((unsigned)found);
        s += 16;
    }
#endif
    while (s < end && (s = memchr(s, '\n', (size_t)(end - s))) != NULL) {
        if (s + 1 < end && s[1] == '.')
            return s;
        s++;
    }
    return NULL;
}

/* Where CRLF.CRLF begins in s, or NULL. */
static const char *end_of_data(const char *s, const char *end) {
    const char *at = s;
    while ((at = line_with_dot(at, end)) != NULL) {
        if (at > s && at[-1] == '\r' && end - at >= 4 && at[2] == '\r' && at[3] == '\n')
            return at - 1;
        at++;
    }
    return NULL;
}

/* The value of an argument such as "FROM:<a@example.org> SIZE=5", or NULL: at most LINE characters, NUL-ended. */
static char *path(char *argument, const char *keyword, char **parameters) {
    size_t length = strlen(keyword);
    if (strncasecmp(argument, keyword, length) != 0)
        return NULL;
    argument += length;
    while (*argument == ' ')
        argument++;
    char *close = strchr(argument, '>');
    if (*argument != '<' || close == NULL || (close[1] != '\0' && close[1] != ' '))
        return NULL;
    *close = '\0';
    *parameters = close + 1;
    return argument + 1;
}

static void mail(struct connection *c, char *argument) {
    char *parameters;
    if (!c->greeted || c->mail) {
        answer(c, "503 5.5.1 %s\r\n", c->mail ? "one sender a message" : "say EHLO first");
        return;
    }
    if (path(argument, "FROM:", &parameters) == NULL) {
        answer(c, "501 5.5.4 MAIL FROM:<address>\r\n");
        return;
    }
    for (char *word = strtok(parameters, " "); word != NULL; word = strtok(NULL, " ")) {
        if (strncasecmp(word, "SIZE=", 5) == 0) {
            if (size_limit && strtoull(word + 5, NULL, 10) > size_limit) {
                answer(c, "552 5.3.4 at most %llu bytes\r\n", (unsigned long long)size_limit);
                return;
            }
        } else if (strcasecmp(word, "SMTPUTF8") != 0 && strncasecmp(word, "BODY=", 5) != 0) {
            answer(c, "555 5.5.4 %.40s was not offered\r\n", word);
            return;
        }
    }
    c->mail = true;
    answer(c, "250 2.1.0 ok\r\n");
}

static void rcpt(struct connection *c, char *argument) {
    char *parameters, *address;
    if (!c->mail) {
        answer(c, "503 5.5.1 MAIL first\r\n");
        return;
    }
    address = path(argument, "TO:", &parameters);
    if (address == NULL || *address == '\0') {
        answer(c, "501 5.1.3 RCPT TO:<address>\r\n");
        return;
    }
    if (record >= 0) {
        size_t length = strlen(address);
        if (c->names_length + length + 2 >= RECIPIENTS) {
            answer(c, "452 4.5.3 too many recipients\r\n");
            return;
        }
        if (c->names_length)
            c->names[c->names_length++] = ' ';
        memcpy(c->names + c->names_length, address, length);
        c->names_length += (unsigned)length;
    }
    c->recipients++;
    answer(c, "250 2.1.5 ok\r\n");
}

static void bdat(struct connection *c, char *argument) {
    char *rest;
    if (!chunking) {
        answer(c, "500 5.5.1 BDAT is not offered\r\n");
        return;
    }
    errno = 0;
    unsigned long long length = isdigit((unsigned char)*argument) ? strtoull(argument, &rest, 10) : 0;
    if (!isdigit((unsigned char)*argument) || errno || (*rest != '\0' && strcasecmp(rest, " LAST") != 0)) {
        answer(c, "501 5.5.4 BDAT length [LAST]\r\n");
        c->closing = true; /* where the next command begins is anybody's guess */
        return;
    }
    c->state = CHUNK;
    c->chunk_left = length;
    c->chunk_last = *rest != '\0';
    c->chunk_refused = !c->recipients; /* the octets come all the same (RFC 3030 section 2) */
    c->chunking = true;
}

static void chunk_ended(struct connection *c) {
    c->state = COMMAND;
    if (c->chunk_refused) {
        answer(c, "503 5.5.1 RCPT first\r\n");
        if (c->chunk_last)
            c->chunking = false;
        return;
    }
    if (!c->chunk_last) {
        answer(c, "250 2.0.0 %llu octets\r\n", (unsigned long long)c->size);
        return;
    }
    c->chunking = false;
    accepted(c);
}

/* One command line, NUL-ended, without its CRLF. */
static void command(struct connection *c, char *line) {
    char *argument = strchr(line, ' ');
    if (argument != NULL)
        *argument++ = '\0';
    else
        argument = line + strlen(line);
    if (c->chunking && strcasecmp(line, "BDAT") != 0 && strcasecmp(line, "RSET") != 0 && strcasecmp(line, "QUIT") != 0 &&
        strcasecmp(line, "NOOP") != 0) {
        answer(c, "503 5.5.1 between two chunks of a message\r\n");
    } else if (strcasecmp(line, "MAIL") == 0) {
        mail(c, argument);
    } else if (strcasecmp(line, "RCPT") == 0) {
        rcpt(c, argument);
    } else if (strcasecmp(line, "DATA") == 0) {
        if (!c->recipients) {
            answer(c, "503 5.5.1 RCPT first\r\n");
            return;
        }
        c->state = DATA;
        answer(c, "354 go on\r\n");
    } else if (strcasecmp(line, "BDAT") == 0) {
        bdat(c, argument);
    } else if (strcasecmp(line, "EHLO") == 0) {
        c->greeted = true;
        reset(c);
        answer(c, "250-sink.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n%s"
                  "250 SIZE %llu\r\n", chunking ? "250-CHUNKING\r\n" : "", (unsigned long long)size_limit);
    } else if (strcasecmp(line, "HELO") == 0) {
        c->greeted = true;
        reset(c);
        answer(c, "250 sink.example.org\r\n");
    } else if (strcasecmp(line, "RSET") == 0) {
        reset(c);
        c->chunking = false;
        answer(c, "250 2.0.0 ok\r\n");
    } else if (strcasecmp(line, "NOOP") == 0) {
        answer(c, "250 2.0.0 ok\r\n");
    } else if (strcasecmp(line, "XCOUNT") == 0) {
        answer(c, "250 messages %llu bytes %llu connections %llu\r\n", (unsigned long long)messages,
               (unsigned long long)bytes, (unsigned long long)connections);
    } else if (strcasecmp(line, "QUIT") == 0) {
        answer(c, "221 2.0.0 bye\r\n");
        c->closing = true;
    } else {
        answer(c, "500 5.5.1 unknown command\r\n");
    }
}

/* Works off what there is; returns how many bytes at its end are to be kept for the next read. */
static size_t work(struct connection *c, char *s, char *end) {
    while (!c->closing) {
        if (c->state == CHUNK) {
            uint64_t there = (uint64_t)(end - s) < c->chunk_left ? (uint64_t)(end - s) : c->chunk_left;
            c->chunk_left -= there;
            c->size += c->chunk_refused ? 0 : there;
            s += there;
            if (c->chunk_left)
                return 0;
            chunk_ended(c);
        } else if (c->state == DATA) {
            /* The CRLF behind DATA counts as the one before the dot of an empty message: it is put in front. */
            const char *dot = end_of_data(s, end);
            if (dot == NULL) {
                size_t keep = end - s < 4 ? (size_t)(end - s) : 4;
                c->size += (uint64_t)(end - s) - keep;
                return keep;
            }
            c->size += (uint64_t)(dot + 2 - s);
            c->size -= 2; /* that one */
            s = (char *)dot + 5;
            c->state = COMMAND;
            accepted(c);
        } else {
            if (s == end)
                return 0;
            char *feed = memchr(s, '\n', (size_t)(end - s));
            if (feed == NULL) {
                if (end - s >= LINE - 1) {
                    c->overlong = true;
                    s = end - 1; /* the last byte may be its CR */
                }
                return (size_t)(end - s);
            }
            if (feed - s >= LINE - 1)
                c->overlong = true;
            if (c->overlong || feed == s || feed[-1] != '\r' || memchr(s, '\0', (size_t)(feed - s)) != NULL) {
                answer(c, "500 5.5.2 a command is one short line that ends in CRLF\r\n");
                c->overlong = false;
                s = feed + 1;
                continue;
            }
            feed[-1] = '\0';
            command(c, s);
            if (c->state == DATA) {
                feed[-1] = '\r';
                s = feed - 1;
            } else {
                s = feed + 1;
            }
        }
    }
    return 0;
}

static void gone(struct connection *c) {
    close(c->fd);
    free(c);
}

/* Writes the answers; returns false when the connection is no more. */
static bool flush(struct connection *c) {
    size_t done = 0;
    while (done < c->out_length) {
        ssize_t n = send(c->fd, c->out + done, c->out_length - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            gone(c);
            return false;
        }
        done += (size_t)n;
    }
    memmove(c->out, c->out + done, c->out_length - done);
    c->out_length -= done;
    if (!c->out_length && c->closing) {
        gone(c);
        return false;
    }
    bool blocked = c->out_length > 0;
    if (blocked != c->blocked) {
        /* Nothing more is read from one who does not read. */
        struct epoll_event event = {.events = blocked ? EPOLLOUT : EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event))
            die("epoll_ctl");
        c->blocked = blocked;
    }
    return true;
}

static void readable(struct connection *c) {
    /* A sender that leaves Nagle's algorithm on would wait for our delayed ACK now and then, and we would measure that.
     * The kernel forgets this option by itself, so it is said again. */
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    memcpy(buffer, c->hold, c->held);
    ssize_t n = recv(c->fd, buffer + c->held, BUFFER, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        gone(c);
        return;
    }
    char *end = buffer + c->held + n;
    c->held = (unsigned)work(c, buffer, end);
    memcpy(c->hold, end - c->held, c->held);
    if (c->out_length || c->closing)
        flush(c);
}

static void greet(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        die("calloc");
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->fd = fd;
    connections++;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl");
    answer(c, "220 sink.example.org ESMTP\r\n");
    flush(c);
}

int main(int argc, char **argv) {
    int option;
    unsigned port = 0;
    while ((option = getopt(argc, argv, "cs:r:p:")) != -1) {
        switch (option) {
        case 'c': chunking = true; break;
        case 's': size_limit = strtoull(optarg, NULL, 10); break;
        case 'p': port = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'r':
            record = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
            if (record < 0)
                die(optarg);
            break;
        default: fprintf(stderr, "sink [-c] [-s BYTES] [-r FILE] [-p PORT]\n"); return 2;
        }
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (signals < 0 || listener < 0 || poller < 0)
        die("sink");
    int one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1024) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        die("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &signals;
    epoll_ctl(poller, EPOLL_CTL_ADD, signals, &event);
    printf("listening %u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &signals) {
                printf("messages %llu bytes %llu connections %llu\n", (unsigned long long)messages,
                       (unsigned long long)bytes, (unsigned long long)connections);
                return 0;
            }
            if (events[i].data.ptr == &listener) {
                greet(listener);
                continue;
            }
            struct connection *c = events[i].data.ptr;
            if (c->blocked && !flush(c))
                continue;
            if (!c->blocked)
                readable(c);
        }
    }
}
