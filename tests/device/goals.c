/* goals.c - see goals.h. The names are those of bench/gpu/layers.c and bench/gpu/peers.py. */
#include "goals.h"

#include <math.h>
#include <string.h>

/* One field of one subject; by NULL: the library. No name: 1. */
typedef struct term {
    const char *name, *by, *field;
} term;

typedef struct goal {
    const char *what;
    term over, under;
    int most; /* the value is to be at most must; else at least */
    double must, aim;
} goal;

#define US "us"
#define FLOOR "floor us"
#define SDPA "fastest SDPA"
#define PUBLISHED "SEG-SDXL as published"
#define SEPARABLE "PyTorch, separable"
#define COMPILED "PyTorch, compiled"

static const goal goals[] = {
    { "bf16 attend SDXL-32, over PyTorch's SDPA",
      { "attend SDXL-32 bf16", SDPA, US },
      { "attend SDXL-32 bf16", NULL, US },
      0,
      .98,
      1 },
    { "bf16 attend SDXL-64, over PyTorch's SDPA",
      { "attend SDXL-64 bf16", SDPA, US },
      { "attend SDXL-64 bf16", NULL, US },
      0,
      .98,
      1 },
    { "bf16 attend Flux, over PyTorch's SDPA",
      { "attend Flux bf16", SDPA, US },
      { "attend Flux bf16", NULL, US },
      0,
      .98,
      1 },
    { "bf16 attend video, over PyTorch's SDPA",
      { "attend video bf16", SDPA, US },
      { "attend video bf16", NULL, US },
      0,
      .98,
      1 },
    { "f32 attend N4608 d128, of two products in cuBLAS",
      { "attend N4608 d128 f32", NULL, US },
      { "attend N4608 d128 f32", NULL, FLOOR },
      1,
      1.4,
      1.2 },
    { "f32 attend N4096 d64, of two products in cuBLAS",
      { "attend N4096 d64 f32", NULL, US },
      { "attend N4096 d64 f32", NULL, FLOOR },
      1,
      1.6,
      1.35 },
    { "copy Flux, share of a copy", { "copy Flux", NULL, FLOOR }, { "copy Flux", NULL, US }, 0, .8, .9 },
    { "copy video, share of a copy", { "copy video", NULL, FLOOR }, { "copy video", NULL, US }, 0, .8, .9 },
    { "mean and broadcast Flux, share of a copy",
      { "mean and broadcast Flux", NULL, FLOOR },
      { "mean and broadcast Flux", NULL, US },
      0,
      .8,
      .9 },
    { "mean and broadcast video, share of a copy",
      { "mean and broadcast video", NULL, FLOOR },
      { "mean and broadcast video", NULL, US },
      0,
      .8,
      .9 },
    { "gather Flux, share of a copy", { "gather Flux", NULL, FLOOR }, { "gather Flux", NULL, US }, 0, .8, .9 },
    { "gather video, share of a copy", { "gather video", NULL, FLOOR }, { "gather video", NULL, US }, 0, .8, .9 },
    { "combine Flux f32, share of a copy",
      { "combine Flux f32", NULL, FLOOR },
      { "combine Flux f32", NULL, US },
      0,
      .8,
      .9 },
    { "combine video f32, share of a copy",
      { "combine video f32", NULL, FLOOR },
      { "combine video f32", NULL, US },
      0,
      .8,
      .9 },
    { "combine Flux bf16, share of a copy",
      { "combine Flux bf16", NULL, FLOOR },
      { "combine Flux bf16", NULL, US },
      0,
      .8,
      .9 },
    { "combine video bf16, share of a copy",
      { "combine video bf16", NULL, FLOOR },
      { "combine video bf16", NULL, US },
      0,
      .8,
      .9 },
    { "blur sigma 1 bf16, share of its floor",
      { "blur sigma 1 bf16", NULL, FLOOR },
      { "blur sigma 1 bf16", NULL, US },
      0,
      .5,
      .8 },
    { "blur sigma 2 bf16, share of its floor",
      { "blur sigma 2 bf16", NULL, FLOOR },
      { "blur sigma 2 bf16", NULL, US },
      0,
      .5,
      .8 },
    { "blur sigma 10 bf16, share of its floor",
      { "blur sigma 10 bf16", NULL, FLOOR },
      { "blur sigma 10 bf16", NULL, US },
      0,
      .5,
      .8 },
    { "blur sigma 1 f32, share of its floor",
      { "blur sigma 1 f32", NULL, FLOOR },
      { "blur sigma 1 f32", NULL, US },
      0,
      .5,
      .8 },
    { "blur sigma 2 f32, share of its floor",
      { "blur sigma 2 f32", NULL, FLOOR },
      { "blur sigma 2 f32", NULL, US },
      0,
      .5,
      .8 },
    { "blur sigma 10 f32, share of its floor",
      { "blur sigma 10 f32", NULL, FLOOR },
      { "blur sigma 10 f32", NULL, US },
      0,
      .5,
      .8 },
    { "SEG layer, over SEG-SDXL's processor",
      { "SEG layer sigma 10", PUBLISHED, US },
      { "SEG layer sigma 10", NULL, US },
      0,
      4,
      8 },
    { "SEG layer, over the separable form",
      { "SEG layer sigma 10", SEPARABLE, US },
      { "SEG layer sigma 10", NULL, US },
      0,
      1.05,
      1.15 },
    { "identity row SDXL-32 beside two standard rows, over those two",
      { "and an identity row SDXL-32", NULL, US },
      { "two standard rows SDXL-32", NULL, US },
      1,
      1.05,
      1.02 },
    { "infinite sigma row SDXL-32 beside two standard rows, over those two",
      { "and an infinite sigma row SDXL-32", NULL, US },
      { "two standard rows SDXL-32", NULL, US },
      1,
      1.05,
      1.02 },
    { "identity row SDXL-64 beside two standard rows, over those two",
      { "and an identity row SDXL-64", NULL, US },
      { "two standard rows SDXL-64", NULL, US },
      1,
      1.05,
      1.02 },
    { "infinite sigma row SDXL-64 beside two standard rows, over those two",
      { "and an infinite sigma row SDXL-64", NULL, US },
      { "two standard rows SDXL-64", NULL, US },
      1,
      1.05,
      1.02 },
    { "infinite sigma row, Flux and 512 text tokens, of a dense row",
      { "infinite sigma row Flux and text", NULL, US },
      { "dense row Flux and text", NULL, US },
      1,
      .2,
      .14 },
    { "identity row, Flux and 512 text tokens, of a dense row",
      { "identity row Flux and text", NULL, US },
      { "dense row Flux and text", NULL, US },
      1,
      .35,
      .24 },
    { "combine and rescale, launches",
      { "combine and rescale Flux f32", NULL, "launches" },
      { NULL, NULL, NULL },
      1,
      2,
      1 },
    { "combine and rescale SDXL, over torch.compile",
      { "combine and rescale SDXL f32", COMPILED, US },
      { "combine and rescale SDXL f32", NULL, US },
      0,
      1,
      1.3 },
    { "combine and rescale Flux, over torch.compile",
      { "combine and rescale Flux f32", COMPILED, US },
      { "combine and rescale Flux f32", NULL, US },
      0,
      1,
      1.3 },
    { "combine and rescale video, over torch.compile",
      { "combine and rescale video f32", COMPILED, US },
      { "combine and rescale video f32", NULL, US },
      0,
      1,
      1.3 },
};

static double field_of(const results *all, const char *name, const char *by, const char *field)
{
    double found = NAN;
    const int sdpa = !strcmp(by, SDPA);
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (!result_is(r, "time") || strcmp(result_text(r, "name"), name) != 0) continue;
        if (strcmp(result_text(r, "status"), "pass") != 0) continue;
        const char *who = result_text(r, "by");
        if (sdpa ? strncmp(who, "PyTorch SDPA", 12) != 0 : strcmp(who, by) != 0) continue;
        const double x = result_number(r, field);
        if (!isnan(x) && !(found <= x)) found = x;
    }
    return found;
}

double goal_time(const results *all, const char *name, const char *by) { return field_of(all, name, by, US); }

static double value_of(const results *all, const term *t)
{
    return t->name ? field_of(all, t->name, t->by ? t->by : "attnguide", t->field) : 1;
}

static const char *verdict(const goal *g, double x)
{
    if (isnan(x)) return "not measured";
    const int must = g->most ? x <= g->must : x >= g->must, aim = g->most ? x <= g->aim : x >= g->aim;
    return aim ? "aim reached" : must ? "must reached" : "**not reached**";
}

void goals_write(const results *all, FILE *to)
{
    fprintf(to, "| goal | value | must | aim | |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof goals / sizeof *goals; i++) {
        const goal *g = &goals[i];
        const double x = value_of(all, &g->over) / value_of(all, &g->under);
        const char *sign = g->most ? "<=" : ">=";
        if (isnan(x)) fprintf(to, "| %s | - ", g->what);
        else fprintf(to, "| %s | %.4g ", g->what, x);
        fprintf(to, "| %s %.3g | %s %.3g | %s |\n", sign, g->must, sign, g->aim, verdict(g, x));
    }
}
