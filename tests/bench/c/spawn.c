/* A crowd of extra processes for the bench.
 *
 *     spawn COUNT ACTIVE PERIOD_MS BURN_US
 *
 * Starts COUNT processes of one thread each; the first ACTIVE of them wake every PERIOD_MS and use about
 * BURN_US of CPU, the others sleep for ever. "ready COUNT" on standard output says that all have started.
 * They end when standard input closes or on SIGTERM, and also when this program is killed, because each
 * asked for a death signal of its parent.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {"crowd-api", "crowd-worker", "crowd-cache", "crowd-cron", "crowd-proxy"};

static void burn(long microseconds) {
    struct timespec from, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - from.tv_sec) * 1000000L + (now.tv_nsec - from.tv_nsec) / 1000 < microseconds);
}

static void live(long index, pid_t parent, int active, long period_ms, long burn_us) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0); /* the parent died before the signal was asked for */
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_NAME, names[index % 5]);
    close(0);
    close(1);
    if (!active)
        for (;;)
            pause();
    struct timespec pause_for = {period_ms / 1000, period_ms % 1000 * 1000000L};
    /* Spread the wake-ups, so that the crowd does not march in step. */
    struct timespec first = {0, (index * 7919 % 1000) * 1000L * (period_ms < 1000 ? period_ms : 999)};
    nanosleep(&first, NULL);
    for (;;) {
        burn(burn_us);
        nanosleep(&pause_for, NULL);
    }
}

static void nothing(int signal_number) { (void)signal_number; }

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: spawn COUNT ACTIVE PERIOD_MS BURN_US\n");
        return 2;
    }
    long count = atol(argv[1]), active = atol(argv[2]), period_ms = atol(argv[3]), burn_us = atol(argv[4]);
    pid_t *pids = calloc((size_t)count + 1, sizeof *pids), self = getpid();
    long started = 0;
    struct sigaction stop = {.sa_handler = nothing}; /* without SA_RESTART: the read below returns */
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    for (; started < count; started++) {
        pid_t pid = fork();
        if (pid == 0)
            live(started, self, started < active, period_ms, burn_us);
        if (pid < 0) {
            perror("spawn: cannot start another process");
            break;
        }
        pids[started] = pid;
    }
    printf("ready %ld\n", started);
    fflush(stdout);
    char byte;
    while (started == count && read(0, &byte, 1) > 0)
        ;
    for (long i = 0; i < started; i++)
        kill(pids[i], SIGKILL);
    for (long i = 0; i < started; i++)
        waitpid(pids[i], NULL, 0);
    return started == count ? 0 : 1;
}
