/* One process that behaves as it is told, under the name and command line that it was started with.
 *
 * ACTOR in the environment is a list of KEY=NUMBER, separated by commas:
 *   rss      KiB of memory that it touches at its start
 *   threads  further threads, which sleep
 *   period   milliseconds between two pieces of work; absent: it sleeps for ever
 *   burn     microseconds of CPU for a piece of work, give or take a half
 *   write    bytes written for a piece of work, to a file that is cut at 1 MiB
 *   leak     KiB more memory for each piece of work
 *   every, lasting, harder
 *            each `every` seconds, give or take a third, it works `harder` times as much for `lasting` seconds
 *   life     seconds until it ends with status 1, give or take a third
 *   seed     of what is random in it
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long setting(const char *key) {
    const char *text = getenv("ACTOR");
    size_t size = strlen(key);
    while (text && *text) {
        if (!strncmp(text, key, size) && text[size] == '=')
            return atol(text + size + 1);
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    return 0;
}

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double around(double middle, double share) { return middle * (1 + share * (2 * drand48() - 1)); }

static void burn(double seconds) {
    double end = now(CLOCK_THREAD_CPUTIME_ID) + seconds;
    while (now(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

static void touch(long kib) {
    volatile char *memory = malloc((size_t)kib * 1024);
    for (long at = 0; memory && at < kib; at++)
        memory[at * 1024] = 1; /* never freed: the process holds it until its end */
}

static void *doze(void *nothing) {
    for (;;)
        pause();
    return nothing;
}

static void put(FILE *file, long bytes) {
    static const char block[4096];
    if (!file)
        return;
    if (ftell(file) > 1 << 20)
        rewind(file);
    for (; bytes > 0; bytes -= (long)sizeof block)
        fwrite(block, 1, sizeof block, file);
    fflush(file);
}

int main(void) {
    srand48(setting("seed"));
    touch(setting("rss"));
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (long i = setting("threads"); i > 0; i--) {
        pthread_t thread;
        pthread_create(&thread, &small, doze, NULL);
    }
    double begin = now(CLOCK_MONOTONIC);
    double end = setting("life") ? begin + around((double)setting("life"), 0.3) : 1e18;
    double every = (double)setting("every"), lasting = (double)setting("lasting");
    double burst = every > 0 ? begin + every * drand48() : 1e18;
    double period = (double)setting("period") / 1000;
    if (period <= 0) {
        if (end < 1e18)
            sleep((unsigned)(end - begin));
        else
            doze(NULL);
        return 1;
    }
    FILE *file = setting("write") ? tmpfile() : NULL;
    usleep((useconds_t)(drand48() * 900000));
    while (now(CLOCK_MONOTONIC) < end) {
        double time = now(CLOCK_MONOTONIC), harder = 1;
        if (time > burst + lasting)
            burst = time + around(every, 0.3);
        else if (time > burst)
            harder = (double)setting("harder");
        burn(around((double)setting("burn") / 1e6, 0.5) * harder);
        put(file, (long)((double)setting("write") * harder));
        touch(setting("leak"));
        double pause_for = around(period, 0.2);
        struct timespec rest = {(time_t)pause_for, (long)((pause_for - (double)(time_t)pause_for) * 1e9)};
        nanosleep(&rest, NULL);
    }
    return 1;
}
