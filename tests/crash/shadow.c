/* Preloaded into a sender: keeps a copy of each file in NEWSLETTER_SHADOW_FROM as it was at its last fsync or fdatasync,
   in the folder NEWSLETTER_SHADOW_TO. That copy is all that is sure to be there after a power cut.

   A copy takes its place by rename(), so that a process that is killed while it copies leaves the one before. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what)
{
    perror(what);
    _exit(99); /* a copy that is missing would make a test pass that should not */
}

static void keep(int fd)
{
    const char *from = getenv("NEWSLETTER_SHADOW_FROM"), *to = getenv("NEWSLETTER_SHADOW_TO");
    char link[64], path[PATH_MAX], copy[PATH_MAX], fresh[PATH_MAX + 8], buffer[1 << 16];
    struct stat info;
    ssize_t length, n;
    off_t at = 0;
    int out;

    if (!from || !to || fstat(fd, &info) || !S_ISREG(info.st_mode))
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        fail("readlink");
    path[length] = 0;
    char *name = strrchr(path, '/');
    if ((size_t)(name - path) != strlen(from) || strncmp(path, from, name - path))
        return;
    if (snprintf(copy, sizeof copy, "%s%s", to, name) >= (int)sizeof copy)
        fail("path");
    snprintf(fresh, sizeof fresh, "%s.new", copy);
    pthread_mutex_lock(&one_at_a_time);
    if ((out = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0)
        fail("open");
    while ((n = pread(fd, buffer, sizeof buffer, at)) > 0) {
        if (write(out, buffer, n) != n)
            fail("write");
        at += n;
    }
    if (n < 0 || close(out) || rename(fresh, copy))
        fail("copy");
    pthread_mutex_unlock(&one_at_a_time);
}

static int synced(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = real(fd);
    if (result == 0)
        keep(fd);
    return result;
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
