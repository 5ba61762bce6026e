/* A line with a length: a TCP proxy on loopback that hands every byte on, so long after it came.
 *
 *   delay MICROSECONDS TARGET_PORT
 *
 * Each direction is a delay line: what comes is read at once, whatever the other side does, and sent when its time has
 * come, in its order. Nothing is throttled. A connection is made at once; only what goes over it is delayed, ends too.
 * The first line of output is "listening PORT"; SIGTERM ends it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18, EVENTS = 256 };

struct chunk {
    struct chunk *next_due;  /* of all connections, in the order in which they are due: the delay is one for all */
    struct chunk *next_here; /* of this end, due and not sent yet */
    struct end *to;
    int64_t due;             /* nanoseconds of the monotonic clock */
    size_t length, sent;     /* length 0 is the end of the stream */
    char data[];
};

struct end {
    int fd;                  /* -1 when closed */
    struct end *other;
    struct chunk *first, *last;
    bool ended;              /* the peer has sent its end, which is in a chunk, or broke */
    bool finished;           /* we have sent ours */
    uint32_t interest;
    unsigned *uses;          /* of the pair: chunks that point here, and open ends */
};

static int poller, timer;
static int64_t delay_ns;
static struct chunk *oldest, *newest;
static char buffer[BUFFER];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void release(struct end *e) {
    if (--*e->uses)
        return;
    free(e->uses);
    free(e->other);
    free(e);
}

static void watch(struct end *e) {
    uint32_t wanted = (e->ended ? 0 : EPOLLIN) | (e->first != NULL ? EPOLLOUT : 0);
    if (e->fd >= 0 && wanted != e->interest) {
        struct epoll_event event = {.events = wanted, .data.ptr = e};
        if (epoll_ctl(poller, EPOLL_CTL_MOD, e->fd, &event))
            die("epoll_ctl");
        e->interest = wanted;
    }
}

static void schedule(struct end *to, const char *data, size_t length) {
    struct chunk *c = malloc(sizeof *c + length);
    if (c == NULL)
        die("malloc");
    *c = (struct chunk){.to = to, .due = now() + delay_ns, .length = length};
    memcpy(c->data, data, length);
    ++*to->uses;
    if (newest != NULL) {
        newest->next_due = c;
    } else {
        oldest = c;
        struct itimerspec when = {.it_value = {c->due / 1000000000LL, c->due % 1000000000LL}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
    }
    newest = c;
}

static void done(struct end *e, struct chunk *c) {
    free(c);
    release(e);
}

/* Sends what is due, and closes what has come to its end. The end must be held by its caller. */
static void drain(struct end *e) {
    while (e->first != NULL) {
        struct chunk *c = e->first;
        if (e->fd >= 0 && c->length) {
            ssize_t n = send(e->fd, c->data + c->sent, c->length - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0 && errno == EAGAIN)
                break;
            if (n >= 0) {
                c->sent += (size_t)n;
                if (c->sent < c->length)
                    continue;
            } /* else the peer is gone: what it was sent goes nowhere */
        } else if (e->fd >= 0) {
            shutdown(e->fd, SHUT_WR);
            e->finished = true;
        }
        e->first = c->next_here;
        if (e->first == NULL)
            e->last = NULL;
        done(e, c);
    }
    if (e->fd >= 0 && e->finished && e->ended) {
        close(e->fd);
        e->fd = -1;
        while (e->first != NULL) {
            struct chunk *c = e->first;
            e->first = c->next_here;
            done(e, c);
        }
        e->last = NULL;
        release(e);
        return;
    }
    watch(e);
}

static void due(void) {
    uint64_t expired;
    if (read(timer, &expired, sizeof expired) < 0 && errno != EAGAIN)
        die("timer");
    int64_t time = now();
    while (oldest != NULL && oldest->due <= time) {
        struct chunk *c = oldest;
        struct end *e = c->to;
        oldest = c->next_due;
        if (oldest == NULL)
            newest = NULL;
        c->next_here = NULL;
        if (e->last != NULL)
            e->last->next_here = c;
        else
            e->first = c;
        e->last = c;
        ++*e->uses;
        drain(e);
        release(e);
    }
    if (oldest != NULL) {
        struct itimerspec when = {.it_value = {oldest->due / 1000000000LL, oldest->due % 1000000000LL}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
    }
}

static void readable(struct end *e) {
    int one = 1;
    setsockopt(e->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    ssize_t n = recv(e->fd, buffer, BUFFER, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        e->ended = true;
    schedule(e->other, buffer, n > 0 ? (size_t)n : 0);
    if (n < 0)
        e->finished = true; /* nothing can be sent to it any more */
    drain(e);
}

static struct end *end(int fd, unsigned *uses) {
    struct end *e = calloc(1, sizeof *e);
    if (e == NULL)
        die("calloc");
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    e->fd = fd;
    e->uses = uses;
    e->interest = EPOLLIN;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = e};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl");
    return e;
}

static void connected(int listener, const struct sockaddr_in *target) {
    int near = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (near < 0)
        return;
    int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* blocking: on loopback it is there or refused at once */
    if (far < 0 || connect(far, (const struct sockaddr *)target, sizeof *target)) {
        if (far >= 0)
            close(far);
        close(near);
        return;
    }
    unsigned *uses = malloc(sizeof *uses);
    if (uses == NULL)
        die("malloc");
    *uses = 2;
    struct end *one = end(near, uses), *two = end(far, uses);
    one->other = two;
    two->other = one;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "delay MICROSECONDS TARGET_PORT\n");
        return 2;
    }
    delay_ns = strtoll(argv[1], NULL, 10) * 1000;
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10))};
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (listener < 0 || poller < 0 || timer < 0 || bind(listener, (struct sockaddr *)&address, length) ||
        listen(listener, 1024) || getsockname(listener, (struct sockaddr *)&address, &length))
        die("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &timer;
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    printf("listening %u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(poller, events, EVENTS, -1);
        bool ring = false;
        /* Every end that has an event is held until all are served: one event may let go of another's end. */
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr != &listener && events[i].data.ptr != &timer)
                ++*((struct end *)events[i].data.ptr)->uses;
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &listener) {
                connected(listener, &target);
            } else if (events[i].data.ptr == &timer) {
                ring = true;
            } else {
                struct end *e = events[i].data.ptr;
                if (e->fd >= 0 && events[i].events & EPOLLOUT)
                    drain(e);
                if (e->fd >= 0 && !e->ended && events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                    readable(e);
                else if (e->fd >= 0 && e->ended && events[i].events & (EPOLLERR | EPOLLHUP)) {
                    e->finished = true; /* both ways are shut */
                    drain(e);
                }
                release(e);
            }
        }
        if (ring)
            due();
    }
}
