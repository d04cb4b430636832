/* A device that fails on cue: while the file named by NRDOT_CUE exists, what it says fails.
   S: fdatasync gives EIO. W: writev gives EIO after half of what it was given; F: ENOSPC, as a full one does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

static char cue(void) {
    char letter = 0;
    int file = open(getenv("NRDOT_CUE"), O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, &letter, 1) != 1) letter = 0;
        close(file);
    }
    return letter;
}

int fdatasync(int file) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
    if (cue() == 'S') { errno = EIO; return -1; }
    return real(file);
}

ssize_t writev(int file, const struct iovec *pieces, int count) {
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = dlsym(RTLD_NEXT, "writev");
    const char fault = cue();
    if (fault == 'W' || fault == 'F') {
        if (count && write(file, pieces[0].iov_base, pieces[0].iov_len / 2) < 0) return -1;
        errno = fault == 'F' ? ENOSPC : EIO;
        return -1;
    }
    return real(file, pieces, count);
}
