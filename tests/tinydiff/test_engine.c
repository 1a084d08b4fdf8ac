/* test_engine.c - the engine on networks of random weights: forks, batches and threads change nothing, attention merged
 * from halves is attention, and every setting of the study runs. */
#include "suites.h"

#include "../../examples/tinydiff/sampler.h"
#include "../../examples/tinydiff/study.h"
#include "../emulated/emulation.h"
#include "files.h"
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PICTURES = 6 };

static char path[] = "/tmp/tinydiff.XXXXXX";
static network net;

static void open_network(int patch, int context)
{
    char why[WHY];
    const int file = mkstemp(path);
    ck_assert(file >= 0);
    close(file);
    write_network(path, patch, context);
    ck_assert_msg(network_read(&net, path, why), "%s", why);
    unlink(path);
    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
}

static void run(const char *line, int64_t batch, int threads, bool no_fork, float *pictures)
{
    char why[AG_MESSAGE_SIZE];
    setting s;
    ck_assert_msg(setting_parse(&s, line, why), "%s", why);
    const sampling what = { .n = &net,
                            .early = &net,
                            .s = &s,
                            .seed = 7,
                            .first = 3,
                            .count = PICTURES,
                            .batch = batch,
                            .threads = threads,
                            .no_fork = no_fork };
    for (int i = 0; i < PICTURES * PICTURE; i++) pictures[i] = NAN;
    ck_assert_msg(sample(&what, pictures, why), "%s: %s", line, why);
}

static double difference(const float *a, const float *b)
{
    double most = 0, size = 0;
    for (int i = 0; i < PICTURES * PICTURE; i++)
        most = fmax(most, fabs((double)a[i] - b[i])), size = fmax(size, fabs(b[i]));
    for (int i = 0; i < PICTURES * PICTURE; i++) ck_assert(isfinite(a[i]) && isfinite(b[i]));
    return most / size;
}

static const char *const forked[] = {
    "x steps=3 inputs=CP method=identity layer=1 w=2",
    "x steps=3 inputs=CP method=identity layer=0,2 w=2",
    "x steps=3 inputs=CP method=smoothed sigma=1 layer=2 w=1",
    "x steps=3 inputs=CP method=uniform layer=1,2 w=20",
    "x steps=3 inputs=CUP method=permute layer=1 w=1 g=2",
    "x steps=3 inputs=CP method=gather layer=1 w=1",
    "x steps=3 inputs=CR method=identity layer=1 w=1",
    "x steps=2 inputs=CQP method=orthogonal sigma=2 layer=1 g=2 w=1 sampler=heun",
};
enum { FORKED = sizeof forked / sizeof *forked };

START_TEST(forks_batches_and_threads_change_nothing)
{
    static float plain[PICTURES * PICTURE], other[PICTURES * PICTURE];
    open_network(_i % 2 ? 2 : 4, _i % 3 == 2 ? 4 : 0);
    run(forked[_i], PICTURES, 1, false, plain);
    run(forked[_i], PICTURES, 1, true, other);
    ck_assert_msg(difference(other, plain) <= 1e-5, "not forked: %g", difference(other, plain));
    run(forked[_i], 2, 3, false, other);
    ck_assert_msg(difference(other, plain) <= 1e-5, "other batches: %g", difference(other, plain));
    run("x steps=3", PICTURES, 1, false, other);
    ck_assert_msg(difference(other, plain) > 1e-4, "guidance does nothing: %g", difference(other, plain));
    network_free(&net);
}
END_TEST

START_TEST(merged_halves_are_the_whole)
{
    static float plain[PICTURES * PICTURE], merged[PICTURES * PICTURE];
    open_network(4, 0);
    run("x steps=3", PICTURES, 1, false, plain);
    run("x steps=3 inside=merge layer=0,1,2", PICTURES, 1, false, merged);
    ck_assert_msg(difference(merged, plain) <= 1e-5, "%g", difference(merged, plain));
    run("x steps=3 inside=nag method=identity layer=1 alpha=0", PICTURES, 1, false, merged);
    ck_assert_msg(difference(merged, plain) <= 1e-5, "%g", difference(merged, plain));
    run("x steps=3 inputs=CP method=identity layer=1 w=3 to=.01", PICTURES, 1, false, merged);
    ck_assert_msg(difference(merged, plain) <= 1e-5, "%g", difference(merged, plain));
    network_free(&net);
}
END_TEST

/* steps=2 after a setting's own words wins. */
static void try_line(const char *line)
{
    static float pictures[PICTURES * PICTURE];
    char words[SETTING_LINE], *star;
    snprintf(words, sizeof words, "%s steps=2", line);
    while ((star = strstr(words, "layer=*")) != NULL) star[6] = '1';
    for (const char *layer = "345"; *layer; layer++)
        if ((star = strstr(words, "layer=")) != NULL && star[6] == *layer) star[6] = '2';
    run(words, PICTURES, 1, false, pictures);
    for (int i = 0; i < PICTURES * PICTURE; i++) ck_assert_msg(isfinite(pictures[i]), "%s", words);
}

/* The study is the library's largest integration test: every method and rule is in it. */
START_TEST(every_method_and_rule_is_in_the_study_and_runs)
{
    static study all;
    char why[WHY];
    setting s;
    bool methods[64] = { false }, rules[64] = { false };
    ag_method_info method;
    ag_rule_info rule;
    ck_assert_msg(study_read(&all, "examples/tinydiff/study.txt", why), "%s", why);
    ck_assert_int_gt(all.count, 80);
    open_network(4, 0);
    for (int i = 0; i < all.count; i++) {
        char words[SETTING_LINE], *star;
        strcpy(words, all.lines[i].line);
        if ((star = strstr(words, "layer=*")) != NULL) star[6] = '1';
        ck_assert_msg(setting_parse(&s, words, why), "%s", why);
        for (int j = 0; ag_method_info_init(&method), ag_method_at(j, &method) == AG_OK; j++)
            methods[j] |= method.method == s.row.method && method.kind == s.row.kind;
        rules[s.rule] = true;
        try_line(all.lines[i].line);
    }
    for (int j = 0; ag_method_info_init(&method), ag_method_at(j, &method) == AG_OK; j++)
        ck_assert_msg(methods[j], "%s", method.name);
    for (int j = 0; ag_rule_info_init(&rule), ag_rule_at(j, &rule) == AG_OK; j++)
        ck_assert_msg(rules[j], "%s", rule.name);
    network_free(&net);
}
END_TEST

/* The emulated device, where AG_CUDA_PLUGIN names one: its memory is the host's, and it wants to know of it. */
static ag_emulation *emulated;

static int take(void **memory, size_t bytes)
{
    *memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (*memory) emulated->adopt(*memory, bytes);
    return !*memory;
}

static int give(void *memory)
{
    if (memory) emulated->forget(memory);
    free(memory);
    return 0;
}

static int copy(void *to, const void *from, size_t bytes, int direction)
{
    ck_assert(direction == TO_DEVICE || direction == FROM_DEVICE);
    memcpy(to, from, bytes);
    return 0;
}

static const char *const elsewhere[] = {
    "x steps=2 inputs=CP method=identity layer=1 w=2",
    "x steps=2 inputs=CUP method=smoothed sigma=1 layer=0,2 w=2 g=2",
    "x steps=2 inputs=CP method=permute layer=1 w=2",
};

START_TEST(attention_may_be_on_a_device)
{
    static float here[PICTURES * PICTURE], there[PICTURES * PICTURE];
    char why[AG_MESSAGE_SIZE];
    const device d = { .take = take, .give = give, .copy = copy };
    setting s;
    ag_emulation *(*entry)(void) = NULL;
    void *plugin = dlopen(getenv("AG_CUDA_PLUGIN"), RTLD_NOW | RTLD_LOCAL);
    ck_assert(plugin);
    *(void **)&entry = dlsym(plugin, "ag_emulated");
    emulated = entry();
    open_network(4, _i);
    run(elsewhere[_i], PICTURES, 1, false, here);
    ck_assert(setting_parse(&s, elsewhere[_i], why));
    const sampling what = {
        .n = &net, .s = &s, .device = &d, .seed = 7, .first = 3, .count = PICTURES, .batch = PICTURES, .threads = 1
    };
    ck_assert_msg(sample(&what, there, why), "%s", why);
    ck_assert_msg(difference(there, here) <= 1e-5, "%g", difference(there, here));
    network_free(&net);
}
END_TEST

static const char *const refused[] = {
    "",
    "x y",
    "x inputs=",
    "x inputs=CX",
    "x inputs=CPUNQ",
    "x inputs=CP",
    "x inputs=CP method=identity",
    "x inputs=CP method=identical layer=1",
    "x inputs=CP method=identity layer=1,",
    "x inputs=CP method=identity layer=64",
    "x layer=1",
    "x inputs=CU g=two",
    "x inputs=CU rule=best",
    "x inputs=CU rule=tcfg cfg_scale=1,2",
    "x inputs=CU rule=fdg scales=1,",
    "x steps=0",
    "x steps=2.5",
    "x sampler=magic",
    "x inside=nag inputs=CU method=identity layer=1",
    "x inputs=CPR method=identity layer=1",
    "x inputs=UK",
    "x inputs=CPU rule=tag method=identity layer=1",
    "x sigma=2",
};

START_TEST(a_wrong_setting_is_refused)
{
    char why[AG_MESSAGE_SIZE] = "";
    setting s;
    ck_assert_msg(!setting_parse(&s, refused[_i], why), "%s", refused[_i]);
    ck_assert(*why);
}
END_TEST

START_TEST(a_setting_that_cannot_run_is_told)
{
    static const char *const lines[] = { "x inputs=CP method=identity layer=3", "x inputs=CU rule=perp_neg",
                                         "x inputs=CP method=smoothed layer=1", "x inputs=CA" };
    static float pictures[PICTURES * PICTURE];
    open_network(4, 0);
    for (int i = 0; i < 4; i++) {
        char why[AG_MESSAGE_SIZE] = "";
        setting s;
        ck_assert_msg(setting_parse(&s, lines[i], why), "%s", why);
        const sampling what = { .n = &net, .s = &s, .count = PICTURES, .batch = 4, .threads = 2 };
        ck_assert_msg(!sample(&what, pictures, why) && *why, "%s", lines[i]);
    }
    network_free(&net);
}
END_TEST

START_TEST(results_are_kept_and_found_again)
{
    char file[] = "/tmp/tinydiff.XXXXXX", why[WHY];
    const int f = mkstemp(file);
    ck_assert(f >= 0);
    close(f), unlink(file);
    results r;
    ck_assert(results_read(&r, file, why) && r.count == 0);
    for (int i = 0; i < 3; i++) {
        result one = { .model = "m",
                       .stage = "layers",
                       .seed = 3,
                       .z = i - 1.5,
                       .s = { .count = 6, .valid = .5, .agree = .1 * (2 - i) } };
        one.s.verdicts = calloc(6, 1);
        one.s.verdicts[i] = 1;
        snprintf(one.name, sizeof one.name, "identity-%d", i),
            snprintf(one.line, sizeof one.line, "identity-%d inputs=P", i);
        ck_assert_msg(results_add(&r, file, &one, why), "%s", why);
    }
    results_free(&r);
    FILE *out = fopen(file, "a");
    fputs("m\tcut off", out), fclose(out);
    ck_assert_msg(results_read(&r, file, why), "%s", why);
    ck_assert(r.count == 3 && r.list[1].z == -.5 && r.list[2].s.verdicts[2] == 1 && r.list[2].s.verdicts[1] == 0);
    ck_assert_int_eq(study_layer(&r, "m"), 2);
    ck_assert_int_eq(study_layer(&r, "n"), -1);
    ck_assert_ptr_eq(results_find(&r, &r.list[1]), &r.list[1]);
    results_free(&r);
    out = fopen(file, "w"), fputs("something else\n", out), fclose(out);
    ck_assert(!results_read(&r, file, why) && !r.list);
    unlink(file);
}
END_TEST

Suite *engine_suite(void)
{
    Suite *s = suite_create("engine");
    TCase *c = tcase_create("engine");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, forks_batches_and_threads_change_nothing, 0, FORKED);
    tcase_add_test(c, merged_halves_are_the_whole);
    if (getenv("AG_CUDA_PLUGIN")) tcase_add_loop_test(c, attention_may_be_on_a_device, 0, 3);
    tcase_add_test(c, every_method_and_rule_is_in_the_study_and_runs);
    tcase_add_loop_test(c, a_wrong_setting_is_refused, 0, sizeof refused / sizeof *refused);
    tcase_add_test(c, a_setting_that_cannot_run_is_told);
    tcase_add_test(c, results_are_kept_and_found_again);
    suite_add_tcase(s, c);
    return s;
}
