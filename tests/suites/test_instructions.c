/* test_instructions.c - what is concluded from a processor's answers: made-up ones, and those of this machine. */
#include "../../src/cpu/cpu.h"
#include "../../src/cpu/instructions.h"
#include "suites.h"

extern const ag_backend ag_cpu; /* src/cpu/backend.c */

enum { TWO = AG_CPU_AVX2, FIVE = TWO | AG_CPU_AVX512, ALL = FIVE | AG_CPU_AVX512BF16 };

/* A machine that has everything: the answers of a Sapphire Rapids, but for what is not asked. */
static const ag_registers whole = {
    .leaves = 7,
    .leaf1_ecx = 0x7ffefbff,
    .subleaves = 2,
    .leaf7_ebx = 0xf1bf07ab,
    .leaf71_eax = 0x1c30,
    .xcr0 = 0x602e7,
};

/* One that lacks bits of one answer: what it has left. */
typedef struct machine {
    const char *name;
    ag_registers lacks;
    uint32_t has;
} machine;

static const machine machines[] = {
    { "whole", { 0 }, ALL },
    { "no AVX", { .leaf1_ecx = 1u << 28 }, 0 },
    { "no FMA", { .leaf1_ecx = 1u << 12 }, 0 },
    { "no F16C", { .leaf1_ecx = 1u << 29 }, 0 },
    { "no OSXSAVE, whatever stands for XCR0", { .leaf1_ecx = 1u << 27 }, 0 },
    { "no AVX2", { .leaf7_ebx = 1u << 5 }, 0 },
    { "no AVX512F", { .leaf7_ebx = 1u << 16 }, TWO },
    { "no AVX512DQ", { .leaf7_ebx = 1u << 17 }, TWO },
    { "no AVX512BW", { .leaf7_ebx = 1u << 30 }, TWO },
    { "no AVX512VL", { .leaf7_ebx = 1u << 31 }, TWO },
    { "no AVX512_BF16", { .leaf71_eax = 1u << 5 }, FIVE },
    { "nothing is saved", { .xcr0 = ~UINT64_C(0) }, 0 },
    { "xmm not saved", { .xcr0 = 1 << 1 }, 0 },
    { "ymm not saved", { .xcr0 = 1 << 2 }, 0 },
    { "masks not saved", { .xcr0 = 1 << 5 }, TWO },
    { "upper halves of zmm not saved", { .xcr0 = 1 << 6 }, TWO },
    { "zmm16 to 31 not saved", { .xcr0 = 1 << 7 }, TWO },
    { "tiles and keys not saved", { .xcr0 = 0x60200 }, ALL },
    { "leaf 1 is the last", { .leaves = 6 }, 0 },
    { "leaf 7 has one subleaf", { .subleaves = 2 }, FIVE },
};
enum { MACHINES = sizeof machines / sizeof *machines };

START_TEST(made_up_machines)
{
    const machine *m = &machines[_i];
    ag_registers r = whole;
    r.leaves &= ~m->lacks.leaves;
    r.leaf1_ecx &= ~m->lacks.leaf1_ecx;
    r.subleaves &= ~m->lacks.subleaves;
    r.leaf7_ebx &= ~m->lacks.leaf7_ebx;
    r.leaf71_eax &= ~m->lacks.leaf71_eax;
    r.xcr0 &= ~m->lacks.xcr0;
    const uint32_t has = ag_features_of(&r);
    ck_assert_msg(has == m->has, "%s: %u and not %u", m->name, (unsigned)has, (unsigned)m->has);
}
END_TEST

/* Bits that are not asked for say nothing, alone or beside those that are. */
START_TEST(a_set_wants_each_of_its_bits)
{
    ag_registers r = { .leaves = 7, .leaf1_ecx = 0x38001000, .leaf7_ebx = 0x20, .xcr0 = 6 };
    ck_assert_uint_eq(ag_features_of(&r), TWO);
    r.leaf7_ebx = 0xc0030020;
    ck_assert_uint_eq(ag_features_of(&r), TWO);
    r.xcr0 = 0xe6;
    ck_assert_uint_eq(ag_features_of(&r), FIVE);
    r.subleaves = 1;
    r.leaf71_eax = 0x20;
    ck_assert_uint_eq(ag_features_of(&r), ALL);
    r = (ag_registers){ 0 };
    ck_assert_uint_eq(ag_features_of(&r), 0);
}
END_TEST

/* What gcc's own library finds, which no other compiler's has to know. F16C it does not know by name everywhere. */
START_TEST(this_machine)
{
    ag_registers r;
    ag_registers_read(&r);
    const uint32_t has = ag_features_of(&r);
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    const int two = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && r.leaf1_ecx >> 29 & 1;
    const int five = two && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    const int all = five && __builtin_cpu_supports("avx512bf16");
    ck_assert_uint_eq(has, all ? ALL : five ? FIVE : two ? TWO : 0);
#elif !defined(__x86_64__)
    ck_assert_uint_eq(has, 0);
#endif
    ck_assert_uint_eq(has, ag_cpu.features());
}
END_TEST

Suite *suite_instructions(void)
{
    Suite *s = suite_create("instructions");
    TCase *c = tcase_create("instructions");
    add_loop(c, made_up_machines, 0, MACHINES);
    add_test(c, a_set_wants_each_of_its_bits);
    add_test(c, this_machine);
    suite_add_tcase(s, c);
    return s;
}
