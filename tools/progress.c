/* progress.c - a bar on the terminal for work that takes longer than a second. */
#include "progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define QUIET_SECONDS 1.0
#define REDRAW_NANOSECONDS 200000000

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool running, drawn;
    double total, done, began;
    const char *label;
} bar = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void draw(double seconds)
{
    char cells[BAR_WIDTH + 1] = "";
    if (bar.total > 0) {
        int filled = (int)(BAR_WIDTH * bar.done / bar.total);
        for (int i = 0; i < BAR_WIDTH; i++) cells[i] = i < filled ? '#' : '.';
        fprintf(stderr, "\r[%s] ", cells);
    } else {
        fputc('\r', stderr);
    }
    fprintf(stderr, "%6.1f s  %s\x1b[K", seconds, bar.label); /* ESC [ K clears what an older, longer label left */
    fflush(stderr);
    bar.drawn = true;
}

static void *redraw(void *unused)
{
    pthread_mutex_lock(&bar.lock);
    while (bar.running) {
        double seconds = seconds_now() - bar.began;
        if (seconds >= QUIET_SECONDS) draw(seconds);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += REDRAW_NANOSECONDS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&bar.ended, &bar.lock, &until);
    }
    pthread_mutex_unlock(&bar.lock);
    return unused;
}

void progress_begin(double total)
{
    if (!isatty(STDERR_FILENO)) return;
    bar.total = total;
    bar.done = 0;
    bar.drawn = false;
    bar.label = "";
    bar.began = seconds_now();
    bar.running = true;
    if (pthread_create(&bar.thread, NULL, redraw, NULL) != 0)
        bar.running = false; /* a machine short of threads does without the bar */
}

void progress_step(double done, const char *label)
{
    pthread_mutex_lock(&bar.lock);
    bar.done = done;
    bar.label = label;
    pthread_mutex_unlock(&bar.lock);
}

void progress_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&bar.lock);
    if (bar.running && bar.drawn) fputs("\r\x1b[K", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    pthread_mutex_unlock(&bar.lock);
    va_end(arguments);
}

void progress_end(void)
{
    if (!bar.running) return;
    pthread_mutex_lock(&bar.lock);
    bar.running = false;
    pthread_cond_signal(&bar.ended);
    pthread_mutex_unlock(&bar.lock);
    pthread_join(bar.thread, NULL);
    if (bar.drawn) fputs("\r\x1b[K", stderr);
}
