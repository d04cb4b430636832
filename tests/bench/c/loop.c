/* The reference that NRDOT's tick is measured against: the least that a C program can do to see every process.
 *
 * Keeps a descriptor of stat and of io for each process. For each line on standard input it lists /proc once,
 * reads both files of every process through the kept descriptors, parses nothing, and prints
 * {"cpu": NANOSECONDS, "processes": COUNT}: its own CPU time in that round, user and system, and what it read.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PIDS = 4 * 1024 * 1024, FIELD = 1024 };

static int *stat_of, *io_of; /* descriptor + 1 by pid, 0 for none; pages that no pid touches cost nothing */
static char text[FIELD];
static volatile unsigned long sink; /* keeps the compiler from dropping what was read */

static int open_of(int pid, const char *file) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    return open(path, O_RDONLY | O_CLOEXEC) + 1;
}

static void forget(int pid) {
    if (stat_of[pid])
        close(stat_of[pid] - 1);
    if (io_of[pid])
        close(io_of[pid] - 1);
    stat_of[pid] = io_of[pid] = 0;
}

static long read_all(DIR *proc) {
    long seen = 0;
    rewinddir(proc);
    for (struct dirent *entry; (entry = readdir(proc));) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        int pid = atoi(entry->d_name);
        if (!stat_of[pid]) {
            stat_of[pid] = open_of(pid, "stat");
            io_of[pid] = open_of(pid, "io");
        }
        ssize_t size = stat_of[pid] ? pread(stat_of[pid] - 1, text, FIELD, 0) : -1;
        if (size <= 0) {
            forget(pid);
            continue;
        }
        sink += (unsigned char)text[0];
        if (io_of[pid])
            sink += (unsigned long)pread(io_of[pid] - 1, text, FIELD, 0);
        seen++;
    }
    return seen;
}

static long long cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    stat_of = calloc(PIDS, sizeof *stat_of);
    io_of = calloc(PIDS, sizeof *io_of);
    DIR *proc = opendir("/proc");
    if (!proc || !stat_of || !io_of) {
        perror("loop: cannot open /proc");
        return 2;
    }
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        long long before = cpu_ns();
        long seen = read_all(proc);
        printf("{\"cpu\": %lld, \"processes\": %ld}\n", cpu_ns() - before, seen);
        fflush(stdout);
    }
    return 0;
}
