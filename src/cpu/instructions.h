/* instructions.h - the instruction sets kernels may use: the processor has them, the system saves their registers. */
#ifndef AG_INSTRUCTIONS_H
#define AG_INSTRUCTIONS_H

#include <stdint.h>

/* What CPUID and XGETBV answer, as they answer it. */
typedef struct ag_registers {
    uint32_t leaves;     /* leaf 0, EAX: the last leaf there is; one beyond it answers anything */
    uint32_t leaf1_ecx;  /* leaf 1 */
    uint32_t subleaves;  /* leaf 7.0, EAX: the last of leaf 7 */
    uint32_t leaf7_ebx;  /* leaf 7.0 */
    uint32_t leaf71_eax; /* leaf 7.1 */
    uint64_t xcr0;       /* the registers that the system saves; 0 where it cannot be read */
} ag_registers;

/* Of this processor; all 0 where it is none of x86-64. */
void ag_registers_read(ag_registers *r);

/* AG_CPU_... (cpu.h) of a processor that answers so. */
uint32_t ag_features_of(const ag_registers *r);

#endif
