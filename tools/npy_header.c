/* npy_header.c - the dictionary at the head of a .npy file:
 * {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 *
 * Not Python's grammar, only what NumPy writes: quoted keys in any order, spaces anywhere between tokens, a comma
 * after the last entry or not; of whole numbers 2, Python 2's 2L, and NumPy 2's np.int64(2). Every reader below moves
 * the cursor only over what it accepts, never past the end.
 */
#include "npy_header.h"

#include <string.h>

typedef struct cursor {
    const char *at, *end;
} cursor;

enum { SEEN_DESCR = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4, SEEN_ALL = 7 };

static void skip_spaces(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n')) c->at++;
}

static bool take(cursor *c, char expected)
{
    skip_spaces(c);
    if (c->at == c->end || *c->at != expected) return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    size_t length = strlen(word);
    skip_spaces(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) return false;
    c->at += length;
    return true;
}

/* A quoted string of printable characters without escapes, shorter than size. */
static bool take_string(cursor *c, char *text, size_t size)
{
    skip_spaces(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return false;
    char quote = *c->at++;
    for (size_t length = 0; c->at < c->end && length < size; length++) {
        char letter = *c->at++;
        if (letter == quote) {
            text[length] = '\0';
            return true;
        }
        if (letter < ' ' || letter > '~' || letter == '\\') return false;
        text[length] = letter;
    }
    return false;
}

static bool is_word(char letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_';
}

/* np.int64( and its like; opened says whether that was there. A whole number's type is called by int or long. */
static bool take_type(cursor *c, bool *opened)
{
    *opened = take_word(c, "np.") || take_word(c, "numpy.");
    if (!*opened) return true;
    if (c->at < c->end && *c->at == 'u') c->at++;
    if (!take_word(c, "int") && !take_word(c, "long")) return false;
    while (c->at < c->end && is_word(*c->at)) c->at++;
    return take(c, '(');
}

static bool take_extent(cursor *c, int64_t *extent, fault *why)
{
    bool opened;
    const bool typed = take_type(c, &opened);
    skip_spaces(c);
    if (typed && c->at < c->end && *c->at == '-') return fault_set(why, "a dimension in its shape is negative");
    if (!typed || c->at == c->end || *c->at < '0' || *c->at > '9')
        return fault_set(why, "its shape is not a tuple of whole numbers");
    for (*extent = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*extent, 10, extent) || __builtin_add_overflow(*extent, *c->at - '0', extent))
            return fault_set(why, "a dimension in its shape is too large");
    if (c->at < c->end && *c->at == 'L') c->at++;
    return !opened || take(c, ')') ? true : fault_set(why, "its shape is not a tuple of whole numbers");
}

/* (), (3,), (2, 3) or (2, 3,). */
static bool take_shape(cursor *c, npy_header *header, fault *why)
{
    if (!take(c, '(')) return fault_set(why, "its shape is not a tuple");
    header->axes = 0;
    while (!take(c, ')')) {
        if (header->axes == NPY_AXES) return fault_set(why, "it has more than %d dimensions", NPY_AXES);
        if (!take_extent(c, &header->extent[header->axes++], why)) return false;
        if (take(c, ',')) continue;
        if (!take(c, ')') || header->axes == 1) /* (3) is a number, not a tuple */
            return fault_set(why, "its shape is not a tuple of whole numbers");
        return true;
    }
    return true;
}

static bool take_order(cursor *c, npy_header *header, fault *why)
{
    header->fortran_order = take_word(c, "True");
    if (!header->fortran_order && !take_word(c, "False"))
        return fault_set(why, "its fortran_order is neither True nor False");
    return true;
}

static bool take_descr(cursor *c, npy_header *header, fault *why)
{
    if (!take_string(c, header->descr, sizeof header->descr))
        return fault_set(why, "its descr is not a simple element type");
    return true;
}

static bool take_entry(cursor *c, npy_header *header, int *seen, fault *why)
{
    char key[32];
    if (!take_string(c, key, sizeof key) || !take(c, ':')) return fault_set(why, "its header is not a dictionary");

    int bit = !strcmp(key, "descr")           ? SEEN_DESCR
              : !strcmp(key, "fortran_order") ? SEEN_ORDER
              : !strcmp(key, "shape")         ? SEEN_SHAPE
                                              : 0;
    if (bit == 0 || (*seen & bit)) return fault_set(why, "its header has an unexpected key '%s'", key);
    *seen |= bit;
    if (bit == SEEN_DESCR) return take_descr(c, header, why);
    return bit == SEEN_ORDER ? take_order(c, header, why) : take_shape(c, header, why);
}

bool npy_header_parse(const char *text, size_t length, npy_header *header, fault *why)
{
    cursor c = { text, text + length };
    int seen = 0;
    if (!take(&c, '{')) return fault_set(why, "its header is not a dictionary");
    while (!take(&c, '}')) {
        if (!take_entry(&c, header, &seen, why)) return false;
        if (take(&c, ',')) continue;
        if (!take(&c, '}')) return fault_set(why, "its header is not a dictionary");
        break;
    }
    if (seen != SEEN_ALL) return fault_set(why, "its header lacks descr, fortran_order or shape");
    skip_spaces(&c);
    if (c.at != c.end) return fault_set(why, "its header has text after the dictionary");
    return true;
}
