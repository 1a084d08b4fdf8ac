/* suggest.c - of the names that there are, the one that was probably meant. */
#include "suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 31 /* longer words have no suggestion */

suggestion suggest_for(const char *word, size_t length)
{
    return (suggestion){ .word = word, .length = length, .distance = length / 3 + 1 };
}

static int plain(char letter) { return letter == '-' ? '_' : tolower((unsigned char)letter); }

static bool same(char a, char b) { return plain(a) == plain(b); }

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Letters put in, left out, exchanged or swapped with their neighbour (Damerau and Levenshtein). at[i][j] is the
 * distance of the first i letters of a from the first j of b. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t at[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= n; i++) at[i][0] = i;
    for (size_t j = 0; j <= m; j++) at[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            const bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]);
            at[i][j] = least(at[i - 1][j - 1] + !same(a[i - 1], b[j - 1]), least(at[i - 1][j], at[i][j - 1]) + 1);
            if (swapped) at[i][j] = least(at[i][j], at[i - 2][j - 2] + 1);
        }
    return at[n][m];
}

static bool begins(const char *name, const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!same(name[i], word[i])) return false;
    return true;
}

void suggest_offer(suggestion *s, const char *name)
{
    const size_t length = strlen(name);
    if (s->length == 0 || s->length > LONGEST || length > LONGEST) return;
    const bool prefix = s->length >= 3 && s->length < length && begins(name, s->word, s->length);
    const size_t found = prefix ? 1 : distance(s->word, s->length, name, length);
    if (found >= s->distance) return;
    s->distance = found;
    s->name = name;
}

const char *suggest_alias(const char *const *aliases, const char *word)
{
    const size_t length = strlen(word);
    for (; *aliases != NULL; aliases += 2)
        if (strlen(aliases[0]) == length && begins(aliases[0], word, length)) return aliases[1];
    return NULL;
}

const char *suggest_joined(suggest_list *const *lists, int i)
{
    for (; *lists != NULL; lists++) {
        int count = 0;
        while (count < i && (*lists)(count) != NULL) count++;
        if ((*lists)(count) != NULL) return (*lists)(i);
        i -= count;
    }
    return NULL;
}

/* "a, b or c" */
static void list_all(const suggest_names *names, char *text, size_t size)
{
    size_t length = 0;
    for (int i = 0; names->name(i) != NULL && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s",
                                   i == 0                       ? ""
                                   : names->name(i + 1) == NULL ? " or "
                                                                : ", ",
                                   names->name(i));
}

bool suggest_refuse(const suggest_names *names, const char *word, fault *why)
{
    suggestion s = suggest_for(word, strlen(word));
    const char *meant = suggest_alias(names->aliases, word);
    if (meant != NULL) return fault_set(why, "there is no %s '%s'; did you mean %s?", names->kind, word, meant);
    for (int i = 0; names->name(i) != NULL; i++) suggest_offer(&s, names->name(i));
    if (s.name != NULL) return fault_set(why, "there is no %s '%s'; did you mean %s?", names->kind, word, s.name);
    char all[320] = "";
    list_all(names, all, sizeof all);
    return fault_set(why, "there is no %s '%.80s'; it must be %s", names->kind, word, all);
}
