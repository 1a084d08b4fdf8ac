/* instructions.c - CPUID and XGETBV are asked themselves: __builtin_cpu_supports is code of the compiler's own library,
 * and in some builds (zig cc) it finds nothing; the kernels that then run are the slow ones. */
#include "instructions.h"

#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Places of bits, by Intel's manual: volume 2, CPUID, and volume 1, 13.3, of XCR0. There, xmm and ymm; the masks, the
 * upper halves of zmm, zmm16 to 31. */
#define BIT(n) (UINT32_C(1) << (n))
enum { FMA = 12, OSXSAVE = 27, AVX = 28, F16C = 29 };               /* leaf 1, ECX */
enum { AVX2 = 5, AVX512F = 16, AVX512DQ, AVX512BW = 30, AVX512VL }; /* leaf 7.0, EBX */
enum { AVX512_BF16 = 5 };                                           /* leaf 7.1, EAX */
enum { SAVES_AVX = 1 << 1 | 1 << 2, SAVES_AVX512 = SAVES_AVX | 1 << 5 | 1 << 6 | 1 << 7 };

void ag_registers_read(ag_registers *r)
{
    *r = (ag_registers){ 0 };
#if defined(__x86_64__)
    uint32_t a, b, c, d;
    __cpuid(0, r->leaves, b, c, d);
    __cpuid(1, a, b, r->leaf1_ecx, d);
    __cpuid_count(7, 0, r->subleaves, r->leaf7_ebx, c, d);
    __cpuid_count(7, 1, r->leaf71_eax, b, c, d);
    if (!(r->leaf1_ecx & BIT(OSXSAVE))) return; /* XGETBV faults */
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    r->xcr0 = (uint64_t)d << 32 | a;
#endif
}

static int has(uint32_t answer, uint32_t bits) { return (answer & bits) == bits; }
static int saves(const ag_registers *r, uint64_t parts) { return (r->xcr0 & parts) == parts; }

/* Each set is had only with the one before: compilers take AVX-512 to bring AVX2, FMA and F16C. */
uint32_t ag_features_of(const ag_registers *r)
{
    uint32_t have = 0;
    if (r->leaves < 7 || !has(r->leaf1_ecx, BIT(OSXSAVE) | BIT(AVX) | BIT(FMA) | BIT(F16C))) return have;
    if (!has(r->leaf7_ebx, BIT(AVX2)) || !saves(r, SAVES_AVX)) return have;
    have |= AG_CPU_AVX2;
    if (!has(r->leaf7_ebx, BIT(AVX512F) | BIT(AVX512DQ) | BIT(AVX512BW) | BIT(AVX512VL)) || !saves(r, SAVES_AVX512))
        return have;
    have |= AG_CPU_AVX512;
    if (r->subleaves >= 1 && has(r->leaf71_eax, BIT(AVX512_BF16))) have |= AG_CPU_AVX512BF16;
    return have;
}
