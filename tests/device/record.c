/* record.c - see record.h. A record is one write, so that programs which append to one file do not mix. */
#include "record.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static FILE *file;
static char line[4096];
static size_t used;

int record_open(const char *path)
{
    file = path ? fopen(path, "a") : stdout;
    return !file;
}

void record_close(void)
{
    if (file && file != stdout) fclose(file);
    file = NULL;
}

static void add(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void add(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    const int n = vsnprintf(line + used, sizeof line - used, format, values);
    va_end(values);
    if (n > 0) used += (size_t)n;
    if (used >= sizeof line) used = sizeof line - 1;
}

/* Cut before the line is full: what follows must still close it. */
static void add_quoted(const char *text)
{
    add("\"");
    for (; *text && used < sizeof line - 64; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') add("\\%c", c);
        else if (c < ' ') add(" ");
        else add("%c", c);
    }
    add("\"");
}

void record_begin(const char *kind)
{
    used = 0;
    add("{\"record\": ");
    add_quoted(kind);
}

void record_text(const char *key, const char *value)
{
    add(", ");
    add_quoted(key);
    add(": ");
    add_quoted(value ? value : "");
}

void record_number(const char *key, double value)
{
    add(", ");
    add_quoted(key);
    if (isfinite(value)) add(": %.7g", value);
    else add(": null");
}

void record_end(void)
{
    add("}\n");
    fputs(line, file ? file : stdout);
    fflush(file ? file : stdout);
}
