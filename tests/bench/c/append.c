/* The reference that the disk buffer is measured against: the least that makes a record durable.
 *
 * append FILE SIZE COUNT: for each line on standard input appends COUNT records of SIZE bytes
 * to FILE, each with one write and one fdatasync, and prints {"took": NANOSECONDS}. FILE begins anew each time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

int main(int count, char **words) {
    if (count != 4)
        return 2;
    size_t size = strtoul(words[2], NULL, 10);
    char *record = malloc(size);
    if (!record)
        return 1;
    for (size_t at = 0; at < size; at++)
        record[at] = (char)rand();
    int records = atoi(words[3]);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        unlink(words[1]);
        int file = open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        double began = now();
        for (int done = 0; done < records; done++)
            if (write(file, record, size) != (ssize_t)size || fdatasync(file))
                return 1;
        printf("{\"took\": %.0f}\n", 1e9 * (now() - began));
        fflush(stdout);
        close(file);
    }
    return 0;
}
