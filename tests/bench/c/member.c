/* One process of the race's tree, under the name of its file and the command line that it was started with.
 *
 * MEMBER in the environment is a list of KEY=NUMBER, separated by commas:
 *   uid      user that it becomes
 *   rss      KiB of memory that it touches at its start
 *   period   milliseconds between two pieces of work; absent: it sleeps
 *   burn     microseconds of CPU for a piece of work
 *   life     milliseconds until it ends
 *   act      what SIGUSR1 begins and the next one ends: 1 a burst, 2 a leak, 3 a new name and a burst, 4 a storm
 *   share    percent of a core that a burst takes
 *   leak     KiB of memory more each 100 ms
 *   rate     children a second of a storm; with act=0 the storm begins at once
 * CHILD is the file that a storm runs, under the settings in CHILD_MEMBER; ALIAS the new name.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t acting;

static void turn(int signal_number) { (void)signal_number, acting = !acting; }

static long setting(const char *key) {
    const char *text = getenv("MEMBER");
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

static void rest(double seconds) {
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

static void burn(double seconds) {
    double end = now(CLOCK_THREAD_CPUTIME_ID) + seconds;
    while (now(CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

static void touch(long kib) {
    volatile char *memory = kib > 0 ? malloc((size_t)kib * 1024) : NULL;
    for (long at = 0; memory && at < kib; at += 4)
        memory[at * 1024] = 1; /* never freed: the process holds it until its end */
}

static void bear(void) {
    char *child = getenv("CHILD"), text[256];
    snprintf(text, sizeof text, "MEMBER=%s", getenv("CHILD_MEMBER") ? getenv("CHILD_MEMBER") : "");
    char *arguments[] = {strrchr(child, '/') + 1, NULL}, *environment[] = {text, NULL};
    if (vfork() == 0) {
        execve(child, arguments, environment);
        _exit(127);
    }
}

static void storm(double rate) {
    double next = now(CLOCK_MONOTONIC);
    while (acting) {
        bear();
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        next += 1 / rate;
        double wait = next - now(CLOCK_MONOTONIC);
        if (wait > 0)
            rest(wait);
    }
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void act(long kind) {
    double share = (double)setting("share") / 100;
    long leak = setting("leak");
    if (kind == 4) {
        storm((double)setting("rate"));
        return;
    }
    if (kind == 3)
        prctl(PR_SET_NAME, getenv("ALIAS"));
    while (acting) {
        if (kind == 2) {
            touch(leak);
            rest(0.1);
        } else {
            burn(share * 0.02);
            rest((1 - share) * 0.02);
        }
    }
}

int main(void) {
    long uid = setting("uid"), kind = setting("act");
    if (uid && setuid((uid_t)uid))
        return 1;
    touch(setting("rss"));
    struct sigaction action = {.sa_handler = turn}; /* without SA_RESTART: it wakes what sleeps */
    sigaction(SIGUSR1, &action, NULL);
    acting = !kind && setting("rate");
    if (acting)
        storm((double)setting("rate"));
    double end = setting("life") ? now(CLOCK_MONOTONIC) + (double)setting("life") / 1000 : 1e18;
    double period = (double)setting("period") / 1000, work = (double)setting("burn") / 1e6;
    if (period > 0 && end > 1e17)
        rest((double)(getpid() % 97) / 97 * period); /* so that they do not march in step */
    while (now(CLOCK_MONOTONIC) < end) {
        burn(work);
        rest(period > 0 ? period : end < 1e17 ? end - now(CLOCK_MONOTONIC) : 3600);
        if (acting && kind)
            act(kind);
    }
    return 0;
}
