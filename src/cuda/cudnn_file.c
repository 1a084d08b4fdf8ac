/* cudnn_file.c - the plan file: what was compiled once need not be compiled by the next process.
 *
 * Each entry is a line "attnguide cudnn plan 1 <size> <hash> <key>", cuDNN's own JSON of that size, and line ends
 * around both, so that an entry that was cut off does not swallow the next. Entries are only ever added, each by one
 * write at the end, so that processes may share the file. Lines that are not of this form, and entries whose hash is
 * wrong, are passed over. A file above the bound is read so far and not added to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../os.h"
#include "cudnn.h"
#include "hash.h"

enum { MOST_BYTES = 64 << 20 };

static const char mark[] = "attnguide cudnn plan 1 ";

/* The whole file, with a zero behind it. */
static char *read_all(const char *name, size_t *size)
{
    FILE *file = fopen(name, "rb");
    if (!file) return NULL;
    char *text = NULL;
    size_t room = 0, n = 0;
    for (;;) {
        const size_t wanted = room ? 2 * room : 1 << 16;
        char *grown = wanted > 2 * (size_t)MOST_BYTES ? NULL : realloc(text, wanted + 1);
        if (!grown) break;
        text = grown;
        room = wanted;
        n += fread(text + n, 1, room - n, file);
        if (n < room || n >= MOST_BYTES) break;
    }
    fclose(file);
    if (text) text[n] = 0;
    *size = n;
    return text;
}

/* The entry whose first line is at `line`: its JSON, or NULL where it is damaged or another's. */
static const char *entry_at(const char *line, const char *end, const char *key, size_t *size)
{
    char *at;
    const size_t length = strlen(key);
    const unsigned long long n = strtoull(line + sizeof mark - 1, &at, 10);
    if (*at != ' ') return NULL;
    const uint64_t hash = strtoull(at, &at, 16);
    if (*at++ != ' ' || strncmp(at, key, length) || at[length] != '\n') return NULL;
    at += length + 1;
    if (n > (size_t)(end - at) || ag_hash(at, n) != hash) return NULL;
    *size = n;
    return at;
}

/* The first sound entry of `key`, in place. */
static const char *find(const char *text, size_t bytes, const char *key, size_t *size)
{
    const char *end = text + bytes;
    for (const char *line = text; line && line < end;) {
        if (strncmp(line, mark, sizeof mark - 1) == 0) {
            const char *found = entry_at(line, end, key, size);
            if (found) return found;
        }
        line = memchr(line, '\n', (size_t)(end - line));
        if (line) line++;
    }
    return NULL;
}

char *ag_sdpa_file_find(const char *key, size_t *size)
{
    size_t bytes = 0;
    const char *name = ag_os_variable("AG_CUDNN_PLANS");
    char *text = name ? read_all(name, &bytes) : NULL;
    const char *found = text ? find(text, bytes, key, size) : NULL;
    char *json = found ? malloc(*size + 1) : NULL;
    if (json) memcpy(json, found, *size);
    free(text);
    return json;
}

void ag_sdpa_file_add(const char *key, const char *json, size_t size)
{
    const char *name = ag_os_variable("AG_CUDNN_PLANS");
    char *entry = name && size < MOST_BYTES ? malloc(size + AG_SDPA_KEY + 80) : NULL;
    FILE *file = entry ? fopen(name, "ab") : NULL;
    if (file) {
        const int head = snprintf(entry, AG_SDPA_KEY + 79, "\n%s%zu %016llx %s\n", mark, size,
                                  (unsigned long long)ag_hash(json, size), key);
        memcpy(entry + head, json, size);
        entry[(size_t)head + size] = '\n';
        /* unbuffered: one entry is one write, behind those of other processes */
        if (!setvbuf(file, NULL, _IONBF, 0) && !fseek(file, 0, SEEK_END) && ftell(file) < MOST_BYTES)
            (void)fwrite(entry, 1, (size_t)head + size + 1, file);
        fclose(file);
    }
    free(entry);
}
