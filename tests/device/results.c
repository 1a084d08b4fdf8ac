/* results.c - see results.h. */
#include "results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 8192 };

/* A string from after its opening quote: copied without escapes. Returns what follows its closing quote, NULL: none. */
static const char *take_string(const char *at, char **into)
{
    char *to = *into = malloc(strlen(at) + 1);
    if (!to) return NULL;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) at++;
        *to++ = *at;
    }
    *to = 0;
    return *at ? at + 1 : NULL;
}

static const char *take_plain(const char *at, char **into)
{
    const size_t length = strcspn(at, ",} ");
    *into = malloc(length + 1);
    if (!*into || !length) return NULL;
    memcpy(*into, at, length);
    (*into)[length] = 0;
    return at + length;
}

static const char *skip(const char *at, const char *of) { return at ? at + strspn(at, of) : NULL; }

/* "key": value, ... until the closing brace. */
static int take_fields(const char *at, result *r)
{
    while ((at = skip(at, " ,")) && *at == '"') {
        if (r->n == MOST_FIELDS) return 1;
        const int i = r->n++;
        at = skip(take_string(at + 1, &r->key[i]), " ");
        if (!at || *at != ':') return 1;
        at = skip(at + 1, " ");
        at = *at == '"' ? take_string(at + 1, &r->value[i]) : take_plain(at, &r->value[i]);
    }
    return !at || *at != '}';
}

static result *next_result(results *all)
{
    if (all->n == all->room) {
        const int room = 2 * all->room + 64;
        result *list = realloc(all->list, (size_t)room * sizeof *list);
        if (!list) return NULL;
        all->list = list;
        all->room = room;
    }
    memset(&all->list[all->n], 0, sizeof *all->list);
    return &all->list[all->n++];
}

int results_read(results *all, FILE *file)
{
    char line[LONGEST];
    memset(all, 0, sizeof *all);
    while (fgets(line, sizeof line, file)) {
        const char *at = line + strspn(line, " [,");
        const size_t length = strcspn(at, "\n");
        if (!length || *at == ']') continue;
        result *r = next_result(all);
        if (!r || *at != '{' || take_fields(at + 1, r)) return 1;
        const size_t end = at[length - 1] == ',' ? length - 1 : length;
        if (!(r->line = malloc(end + 1))) return 1;
        memcpy(r->line, at, end);
        r->line[end] = 0;
    }
    return 0;
}

void results_free(results *all)
{
    for (int i = 0; i < all->n; i++) {
        for (int k = 0; k < all->list[i].n; k++) {
            free(all->list[i].key[k]);
            free(all->list[i].value[k]);
        }
        free(all->list[i].line);
    }
    free(all->list);
    memset(all, 0, sizeof *all);
}

const char *result_text(const result *r, const char *key)
{
    for (int i = 0; r && i < r->n; i++)
        if (r->value[i] && !strcmp(r->key[i], key)) return r->value[i];
    return "";
}

double result_number(const result *r, const char *key)
{
    char *end;
    const char *text = result_text(r, key);
    const double x = strtod(text, &end);
    return end == text || *end ? NAN : x;
}

int result_is(const result *r, const char *kind) { return !strcmp(result_text(r, "record"), kind); }

const result *results_find(const results *all, const char *kind, const char *key, const char *value)
{
    for (int i = 0; i < all->n; i++)
        if (result_is(&all->list[i], kind) && !strcmp(result_text(&all->list[i], key), value)) return &all->list[i];
    return NULL;
}
