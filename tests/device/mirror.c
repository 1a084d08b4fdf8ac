/* mirror.c - see mirror.h. */
#include "mirror.h"

#include <string.h>

#include "device.h"

enum { PROBLEM_BUFFERS = 10, COMBINATION_BUFFERS = AG_MOST_INPUTS + 5 };

/* ---- buffers ---- */

static void list_problem(const problem *x, const buffer *list[PROBLEM_BUFFERS])
{
    const buffer *all[PROBLEM_BUFFERS] = { &x->out, &x->lse,  &x->curvature, &x->q,    &x->k,
                                           &x->v,   &x->mask, &x->lengths,   &x->bias, &x->index };
    memcpy(list, all, sizeof all);
}

static void list_combination(const combination *x, const buffer *list[COMBINATION_BUFFERS])
{
    const buffer *others[5] = { &x->out, &x->lse_out, &x->state, &x->lse[0], &x->lse[1] };
    memcpy(list, others, sizeof others);
    for (int k = 0; k < AG_MOST_INPUTS; k++) list[5 + k] = &x->in[k];
}

static int open_twins(mirror *m, const buffer *const *list, int n)
{
    m->n = n;
    for (int i = 0; i < n; i++)
        if (list[i]->pages && !(m->device[i] = device_take(list[i]->pages_size))) return 1;
    return 0;
}

static int send(const mirror *m, const buffer *const *list)
{
    for (int i = 0; i < m->n; i++)
        if (m->device[i] && device_write(m->device[i], list[i]->pages, list[i]->pages_size)) return 1;
    return 0;
}

static int fetch(const mirror *m, int i, const buffer *to)
{
    return m->device[i] && device_read(to->pages, m->device[i], to->pages_size);
}

/* Where a host pointer's byte lies on the device: in the twin of whichever buffer holds it. */
static void *twin(const mirror *m, const buffer *const *list, const void *at)
{
    const unsigned char *byte = at;
    for (int i = 0; i < m->n && at; i++)
        if (m->device[i] && byte >= list[i]->pages && byte < list[i]->pages + list[i]->pages_size)
            return m->device[i] + (byte - list[i]->pages);
    return NULL;
}

void mirror_close(mirror *m)
{
    for (int i = 0; i < m->n; i++) device_give(m->device[i]);
    device_give(m->work);
    memset(m, 0, sizeof *m);
}

int mirror_workspace(mirror *m, const ag_plan *plan)
{
    device_give(m->work);
    m->work_size = ag_plan_workspace(plan);
    m->work = m->work_size ? device_take(m->work_size) : NULL;
    m->args.workspace = m->guidance.workspace = m->work;
    m->args.workspace_size = m->guidance.workspace_size = m->work_size;
    return m->work_size && !m->work;
}

/* ---- problems ---- */

int mirror_problem(mirror *m, const problem *x)
{
    const buffer *list[PROBLEM_BUFFERS];
    memset(m, 0, sizeof *m);
    list_problem(x, list);
    return open_twins(m, list, PROBLEM_BUFFERS);
}

int mirror_send_problem(mirror *m, const problem *x)
{
    const buffer *list[PROBLEM_BUFFERS];
    const ag_args from = m->args;
    list_problem(x, list);
    m->args = x->a;
    m->args.workspace = from.workspace;
    m->args.workspace_size = from.workspace_size;
    m->args.q = twin(m, list, x->a.q);
    m->args.k = twin(m, list, x->a.k);
    m->args.v = twin(m, list, x->a.v);
    m->args.out = twin(m, list, x->a.out);
    m->args.lse = twin(m, list, x->a.lse);
    m->args.curvature = twin(m, list, x->a.curvature);
    m->args.key_mask = twin(m, list, x->a.key_mask);
    m->args.key_lengths = twin(m, list, x->a.key_lengths);
    m->args.bias = twin(m, list, x->a.bias);
    m->args.rows = x->a.rows ? m->rows : NULL;
    for (int64_t b = 0; b < x->a.row_count; b++) {
        m->rows[b] = x->run[b];
        m->rows[b].index = twin(m, list, x->run[b].index);
    }
    return send(m, list);
}

int mirror_fetch_problem(const mirror *m, problem *x)
{
    return fetch(m, 0, &x->out) || fetch(m, 1, &x->lse) || fetch(m, 2, &x->curvature);
}

/* ---- combinations ---- */

int mirror_combination(mirror *m, const combination *x)
{
    const buffer *list[COMBINATION_BUFFERS];
    memset(m, 0, sizeof *m);
    ag_guidance_args_init(&m->guidance);
    list_combination(x, list);
    return open_twins(m, list, COMBINATION_BUFFERS);
}

int mirror_send_combination(mirror *m, const combination *x)
{
    const buffer *list[COMBINATION_BUFFERS];
    const ag_guidance_args from = m->guidance;
    list_combination(x, list);
    m->guidance = x->a;
    m->guidance.workspace = from.workspace;
    m->guidance.workspace_size = from.workspace_size;
    for (int k = 0; k < x->g.inputs; k++) m->guidance.input[k] = twin(m, list, x->a.input[k]);
    m->guidance.out = twin(m, list, x->a.out);
    m->guidance.state = twin(m, list, x->a.state);
    m->guidance.lse_out = twin(m, list, x->a.lse_out);
    for (int i = 0; i < 2; i++) m->guidance.lse[i] = twin(m, list, x->a.lse[i]);
    return send(m, list);
}

int mirror_fetch_combination(const mirror *m, combination *x)
{
    return fetch(m, 0, &x->out) || fetch(m, 1, &x->lse_out) || fetch(m, 2, &x->state);
}
