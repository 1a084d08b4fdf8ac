/* buffer.c - see buffer.h. */
#include "buffer.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void (*buffer_opened)(const void *at, size_t bytes);
void (*buffer_closed)(const void *at);

enum { POISON = 0xff }; /* all ones is a NaN in float32, float16 and bfloat16 */

size_t buffer_slack = 0;

int buffer_open(buffer *b, size_t size, size_t align)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (size + buffer_slack + align - 1) / align * align;
    b->pages_size = (room / page + 1) * page;
    unsigned char *map = mmap(NULL, b->pages_size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return 1;
    b->pages = map + page;
    b->data = b->pages + b->pages_size - room;
    b->size = size;
    if (mprotect(b->pages, b->pages_size, PROT_READ | PROT_WRITE)) return 1;
    buffer_poison(b);
    if (buffer_opened) buffer_opened(b->pages, b->pages_size);
    return 0;
}

void buffer_close(buffer *b)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (b->pages && buffer_closed) buffer_closed(b->pages);
    if (b->pages) munmap(b->pages - page, b->pages_size + 2 * page);
    memset(b, 0, sizeof *b);
}

void buffer_seal(buffer *b)
{
    if (b->pages) mprotect(b->pages, b->pages_size, PROT_READ);
}

void buffer_poison(buffer *b)
{
    if (b->pages) memset(b->pages, POISON, b->pages_size);
}

int buffer_is_poison(const buffer *b)
{
    return !b->pages || (b->pages[0] == POISON && !memcmp(b->pages, b->pages + 1, b->pages_size - 1));
}
