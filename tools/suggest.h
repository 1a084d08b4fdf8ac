/* suggest.h - of the names that there are, the one that was probably meant, and the sentence that says so. */
#ifndef TOOLS_SUGGEST_H
#define TOOLS_SUGGEST_H

#include <stddef.h>

#include "fault.h"

typedef struct suggestion {
    const char *word; /* [length], need not be ended */
    size_t length;
    const char *name; /* the nearest so far; borrowed */
    size_t distance;  /* its letters to be changed */
} suggestion;

/* Begins a search: offer every name there is, then read s.name, which is NULL where none was near. */
suggestion suggest_for(const char *word, size_t length);

/* Letters are compared in either case, - and _ alike. Near is: a third of the word's letters changed at most, or the
 * word is how the name begins. The first of equals stays. */
void suggest_offer(suggestion *s, const char *name);

/* pairs: what something is also called, what to say for it; ends in NULL. In either case; NULL: not among them. */
const char *suggest_alias(const char *const *aliases, const char *word);

/* Name i of lists one after the other, which end in NULL as each of them does. */
typedef const char *suggest_list(int i);
const char *suggest_joined(suggest_list *const *lists, int i);

typedef struct suggest_names {
    const char *kind;           /* what they are names of */
    const char *(*name)(int i); /* NULL: beyond the last */
    const char *const *aliases; /* as above */
} suggest_names;

/* Always false: there is no such word; did you mean that one, or the list of all. */
bool suggest_refuse(const suggest_names *names, const char *word, fault *why);

#endif
