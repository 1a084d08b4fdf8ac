/* engine.c - see engine.h. */
#include "engine.h"
#include "attention.h"
#include "inside.h"
#include "layers.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kinds of attention layers: none of the rows is perturbed; perturbed rows are made of their parents' projections;
 * they have their own. `all` rows begin at the fork. */
typedef enum kind { PLAIN_BEFORE, FORK, PLAIN_AFTER, PERTURBED, KINDS } kind;

struct engine {
    const network *n;
    const device *device; /* of the attention; NULL: the host */
    branch branches[MOST_BRANCHES];
    int branch_count, roots;
    uint64_t layers;
    int64_t pictures;
    attention attentions[KINDS]; /* empty where no layer is of that kind */
    inside inside;               /* of the perturbed layers, where a rule combines attention's outputs */
    ag_row_args *values;         /* [all rows] */
    bool is_random;
    float *hidden, *normal, *wide, *attended, *result; /* [rows][tokens][..] */
    float *conditions, *modulation;                    /* [LABELS][width], [LABELS][6 width] */
    float *predictions;                                /* [branches][pictures][PICTURE] */
    int *classes;                                      /* [rows]: the label of each */
    void *workspace;
};

int branches_of(const setting *s, bool fork, branch *branches)
{
    int count = 0, parent = ROOT;
    for (const char *c = "CUN"; *c; c++)
        if (setting_has(s, *c)) branches[count++] = (branch){ *c, false, ROOT };
    for (int i = 0; i < count; i++)
        if (branches[i].input == 'C' && fork) parent = i;
    if (setting_has(s, 'Q')) branches[count++] = (branch){ 'Q', true, ROOT };
    if (setting_has(s, 'P') || setting_has(s, 'R')) branches[count++] = (branch){ 'P', true, parent };
    return count;
}

/* ---- Creation ---------------------------------------------------------------------------------------------- */

static int64_t rows_of(const engine *e, int branches) { return branches * e->pictures; }

/* Which row of the projections each output row reads, and its method, in layers of a kind. */
static bool make_attention(engine *e, ag_context *context, const setting *s, kind k, char *why)
{
    const int in = k == PLAIN_BEFORE || k == FORK ? e->roots : e->branch_count,
              out = k == PLAIN_BEFORE ? in : e->branch_count;
    const bool perturbed = k == FORK || k == PERTURBED;
    const int64_t rows = rows_of(e, out);
    ag_row *methods = malloc((size_t)rows * sizeof *methods);
    int64_t *from = malloc((size_t)rows * sizeof *from);
    bool good = methods && from;
    for (int64_t i = 0; good && i < rows; i++) {
        const branch *b = &e->branches[i / e->pictures];
        const bool borrows = k == FORK && b->parent != ROOT;
        from[i] = borrows ? b->parent * e->pictures + i % e->pictures : i;
        if (perturbed && b->perturbed) methods[i] = s->row;
        else ag_row_init(&methods[i], AG_STANDARD);
    }
    const attention_shape shape = { .rows_in = rows_of(e, in),
                                    .rows_out = rows,
                                    .tokens = network_tokens(e->n),
                                    .heads = e->n->heads,
                                    .width = e->n->width / e->n->heads,
                                    .context = e->n->context,
                                    .side = e->n->side,
                                    .from = from,
                                    .rows = methods,
                                    .device = e->device,
                                    .kernel = *s->kernel ? s->kernel : NULL };
    if (!good) strcpy(why, "there is no memory for an attention layer");
    good = good && attention_create(&e->attentions[k], context, &shape, why);
    free(methods), free(from);
    return good;
}

static bool make_attentions(engine *e, ag_context *context, const setting *s, char *why)
{
    const bool forks = e->roots < e->branch_count, perturbs = e->branches[e->branch_count - 1].perturbed;
    return make_attention(e, context, s, PLAIN_BEFORE, why) &&
           (!forks || (make_attention(e, context, s, FORK, why) && make_attention(e, context, s, PLAIN_AFTER, why))) &&
           (!perturbs || make_attention(e, context, s, PERTURBED, why)) &&
           (!s->inside || inside_create(&e->inside, context, e->n, s, e->pictures, why));
}

static void *room(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64); }

static bool make_room(engine *e)
{
    const network *n = e->n;
    const size_t rows = (size_t)rows_of(e, e->branch_count), tokens = rows * (size_t)network_tokens(n);
    const size_t line = tokens * (size_t)n->width * sizeof(float);
    size_t workspace = e->inside.workspace;
    for (int k = 0; k < KINDS; k++)
        if (e->attentions[k].workspace > workspace) workspace = e->attentions[k].workspace;
    e->hidden = room(line), e->normal = room(line), e->attended = room(line), e->result = room(line);
    e->wide = room(4 * line), e->workspace = room(workspace);
    e->conditions = room(LABELS * (size_t)n->width * sizeof(float));
    e->modulation = room(6 * LABELS * (size_t)n->width * sizeof(float));
    e->predictions = room(rows * PICTURE * sizeof(float));
    e->classes = room(rows * sizeof(int)), e->values = room(rows * sizeof *e->values);
    return e->hidden && e->normal && e->attended && e->result && e->wide && e->workspace && e->conditions &&
           e->modulation && e->predictions && e->classes && e->values;
}

engine *engine_create(ag_context *context, const device *d, const network *n, const setting *s, const branch *branches,
                      int branch_count, int64_t pictures, char *why)
{
    engine *e = calloc(1, sizeof *e);
    if (!e) return strcpy(why, "there is no memory for an engine"), NULL;
    e->n = n, e->device = d, e->branch_count = branch_count, e->pictures = pictures, e->layers = s->layers;
    memcpy(e->branches, branches, (size_t)branch_count * sizeof *branches);
    while (e->roots < branch_count && branches[e->roots].parent == ROOT) e->roots++;
    if (n->layers < 64 && s->layers >> n->layers) {
        snprintf(why, AG_MESSAGE_SIZE, "setting %s: the network has layers 0 .. %d", s->name, n->layers - 1);
        return engine_free(e), NULL;
    }
    if (!make_attentions(e, context, s, why)) return engine_free(e), NULL;
    if (!make_room(e)) return strcpy(why, "there is no memory for an engine"), engine_free(e), NULL;
    for (int64_t i = 0; i < rows_of(e, branch_count); i++)
        if (branches[i / pictures].perturbed) e->values[i] = s->row_args;
        else ag_row_args_init(&e->values[i]);
    ag_method_info info;
    for (int i = 0; ag_method_info_init(&info), ag_method_at(i, &info) == AG_OK; i++)
        e->is_random |= info.method == s->row.method && info.kind == s->row.kind && info.takes & AG_TAKES_SEED;
    return e;
}

void engine_free(engine *e)
{
    if (!e) return;
    for (int k = 0; k < KINDS; k++) attention_free(&e->attentions[k]);
    inside_free(&e->inside);
    free(e->hidden), free(e->normal), free(e->attended), free(e->result), free(e->wide), free(e->workspace);
    free(e->conditions), free(e->modulation), free(e->predictions), free(e->classes), free(e->values);
    free(e);
}

/* ---- A step ------------------------------------------------------------------------------------------------ */

/* The condition of each label at time t: silu(time + label). */
static void condition(engine *e, double t)
{
    const network *n = e->n;
    float waves[2 * FREQUENCIES];
    for (int i = 0; i < FREQUENCIES; i++) {
        const float angle = (float)t * expf((float)i * (float)(log(1000) / (FREQUENCIES - 1)));
        waves[i] = sinf(angle), waves[FREQUENCIES + i] = cosf(angle);
    }
    float *first = e->wide, *time = e->wide + n->width;
    linear_run(&n->time1, waves, 1, first);
    silu(first, n->width);
    linear_run(&n->time2, first, 1, time);
    for (int i = 0; i < LABELS; i++)
        for (int j = 0; j < n->width; j++)
            e->conditions[i * n->width + j] = time[j] + (n->context ? 0 : n->label[i * n->width + j]);
    silu(e->conditions, (int64_t)LABELS * n->width);
}

/* Part `part` of a row's modulation: shift, scale, gate, and the MLP's. */
static const float *part_of(const engine *e, int64_t row, int part, int parts)
{
    return e->modulation + ((size_t)e->classes[row] * (size_t)parts + (size_t)part) * (size_t)e->n->width;
}

static int class_of(char input, int label)
{
    return input == 'U' || input == 'Q' ? NO_LABEL : input == 'N' ? (label + COLOURS / 2) % COLOURS : label;
}

/* The pictures' patches as tokens, projected, for every root. */
static void embed(engine *e, const float *x, const int *labels)
{
    const network *n = e->n;
    const int tokens = network_tokens(n), places = n->side * n->side, p = n->patch, size = network_patch_size(n);
    for (int64_t i = 0; i < rows_of(e, e->branch_count); i++)
        e->classes[i] = class_of(e->branches[i / e->pictures].input, labels[i % e->pictures]);
    for (int64_t b = 0; b < e->pictures; b++)
        for (int i = 0; i < places * size; i++) {
            const int token = i / size, c = i % size / (p * p), y = i % (p * p) / p, column = i % p;
            e->wide[b * places * size + i] =
                x[b * PICTURE + c * SIDE * SIDE + (token / n->side * p + y) * SIDE + token % n->side * p + column];
        }
    linear_run(&n->input, e->wide, e->pictures * places, e->normal);
    for (int64_t i = 0; i < rows_of(e, e->roots); i++) {
        float *to = e->hidden + i * tokens * n->width, *picture = to + n->context * n->width;
        const float *from = e->normal + i % e->pictures * places * n->width;
        memcpy(to, n->label + (size_t)(e->classes[i] * n->context * n->width),
               (size_t)(n->context * n->width) * sizeof *to);
        for (int j = 0; j < places * n->width; j++) picture[j] = from[j] + n->position[j];
    }
}

/* normal = the rows' tokens, normalised, scaled and shifted by parts `first` and first + 1. */
static void modulate(engine *e, int64_t rows, int first, int parts)
{
    const int width = e->n->width, tokens = network_tokens(e->n);
    for (int64_t i = 0; i < rows * tokens; i++)
        normalise(e->hidden + i * width, width, part_of(e, i / tokens, first, parts),
                  part_of(e, i / tokens, first + 1, parts), e->normal + i * width);
}

static void add_result(engine *e, int64_t rows, int gate)
{
    const int width = e->n->width, tokens = network_tokens(e->n);
    for (int64_t i = 0; i < rows * tokens; i++)
        add_gated(e->hidden + i * width, part_of(e, i / tokens, gate, 6), e->result + i * width, width);
}

/* What the attention reads of rows [first, end), which need the same. q, k and v of a row lie one after the other, so
 * that one product makes what is needed side by side. */
static void project(engine *e, const block *b, int64_t first, int64_t end, unsigned needs)
{
    const network *n = e->n;
    const int width = n->width, head = width / n->heads;
    const int64_t tokens = network_tokens(n), rows = (end - first) * tokens;
    const int from = needs & AG_NEEDS_Q ? 0 : needs & AG_NEEDS_K ? 1 : 2;
    const int to = needs & AG_NEEDS_V ? 3 : needs & AG_NEEDS_K ? 2 : 1;
    float *qkv = e->wide + first * tokens * 3 * width;
    linear_columns(&b->qkv, e->normal + first * tokens * width, rows, from * width, (to - from) * width, qkv,
                   3 * width);
    for (int64_t i = 0; i < rows; i++)
        for (int j = 0; j < n->heads; j++) {
            float *q = qkv + i * 3 * width + j * head;
            if (needs & AG_NEEDS_Q) unit_mean_square(q, head, b->q_gain);
            if (needs & AG_NEEDS_K) unit_mean_square(q + width, head, b->k_gain);
        }
}

static bool attend(engine *e, const block *b, const attention *a, int64_t rows_in, int64_t rows_out, bool combined,
                   bool perturbed, char *why)
{
    int64_t end;
    const int64_t tokens = network_tokens(e->n);
    modulate(e, rows_in, 0, 6);
    for (int64_t first = 0; first < rows_in; first = end) {
        for (end = first + 1; end < rows_in && a->needs[end] == a->needs[first];) end++;
        if (a->needs[first]) project(e, b, first, end, a->needs[first]);
    }
    const bool good = combined
                          ? inside_run(&e->inside, e->wide, e->attended, e->workspace, why)
                          : attention_run(a, e->wide, perturbed ? e->values : NULL, e->attended, e->workspace, why);
    if (!good) return false;
    linear_run(&b->out, e->attended, rows_out * tokens, e->result);
    return true;
}

/* Perturbed rows begin to differ here: up to here they are their parents. */
static void fork_rows(engine *e)
{
    const size_t line = (size_t)(network_tokens(e->n) * e->n->width) * (size_t)e->pictures;
    for (int i = e->roots; i < e->branch_count; i++)
        memcpy(e->hidden + (size_t)i * line, e->hidden + (size_t)e->branches[i].parent * line, line * sizeof(float));
}

static void run_mlp(engine *e, const block *b, int64_t rows)
{
    const int64_t lines = rows * network_tokens(e->n);
    modulate(e, rows, 3, 6);
    linear_run(&b->up, e->normal, lines, e->wide);
    gelu(e->wide, lines * b->up.to);
    linear_run(&b->down, e->wide, lines, e->result);
    add_result(e, rows, 5);
}

/* Rows in and out of layer i: those of the roots, until a layer is perturbed. */
static bool run_block(engine *e, int i, bool *forked, char *why)
{
    const block *b = &e->n->blocks[i];
    const bool perturbed = e->layers >> i & 1 && e->branches[e->branch_count - 1].perturbed;
    const bool combined = e->layers >> i & 1 && e->inside.rule;
    const bool forks = perturbed && !*forked && e->roots < e->branch_count;
    const int64_t roots = rows_of(e, e->roots), all = rows_of(e, e->branch_count), in = *forked ? all : roots;
    const kind k = forks ? FORK : perturbed ? PERTURBED : *forked ? PLAIN_AFTER : PLAIN_BEFORE;
    const int64_t out = forks ? all : in;
    linear_run(&b->condition, e->conditions, LABELS, e->modulation);
    if (!attend(e, b, &e->attentions[k], in, out, combined, perturbed, why)) return false;
    if (forks) fork_rows(e), *forked = true;
    add_result(e, out, 2);
    run_mlp(e, b, out);
    return true;
}

/* The picture's tokens become its patches again. */
static void finish(engine *e)
{
    const network *n = e->n;
    const int tokens = network_tokens(n), places = n->side * n->side, p = n->patch, size = network_patch_size(n);
    const int64_t rows = rows_of(e, e->branch_count);
    linear_run(&n->last_condition, e->conditions, LABELS, e->modulation);
    modulate(e, rows, 0, 2);
    linear_run(&n->output, e->normal, rows * tokens, e->wide);
    for (int64_t b = 0; b < rows; b++)
        for (int i = 0; i < places * size; i++) {
            const int token = i / size, c = i % size / (p * p), y = i % (p * p) / p, column = i % p;
            e->predictions[b * PICTURE + c * SIDE * SIDE + (token / n->side * p + y) * SIDE + token % n->side * p +
                           column] = e->wide[(b * tokens + n->context) * size + i];
        }
}

bool engine_predict(engine *e, const float *x, double t, const int *labels, uint64_t seed, int64_t first, char *why)
{
    bool forked = false;
    for (int64_t i = 0; e->is_random && i < rows_of(e, e->branch_count); i++)
        if (e->branches[i / e->pictures].perturbed)
            e->values[i].seed = seed, e->values[i].random_stream = first + i % e->pictures;
    condition(e, t);
    embed(e, x, labels);
    for (int i = 0; i < e->n->layers; i++)
        if (!run_block(e, i, &forked, why)) return false;
    finish(e);
    return true;
}

const float *engine_prediction(const engine *e, char input)
{
    for (int i = 0; i < e->branch_count; i++)
        if (e->branches[i].input == input) return e->predictions + rows_of(e, i) * PICTURE;
    return NULL;
}
