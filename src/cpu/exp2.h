/* exp2.h - 2^f for |f| <= 1/2, relative error below 7.5e-8: the polynomial all instruction sets share. Included by the
 * verbs headers once they have defined vec and v_all. */
#ifndef AG_EXP2_H
#define AG_EXP2_H

/* Weights below 2^-100 are zero: they cannot show beside the largest, which is 1, and denormal ones would make every
 * product that follows slow. */
#define EXP2_VANISHES (-100.0f)

static inline vec v_exp2_fraction(vec f)
{
    vec p = v_all(1.327647217e-03f);
    p = p * f + 9.675541331e-03f;
    p = p * f + 5.550713273e-02f;
    p = p * f + 2.402211972e-01f;
    p = p * f + 6.931469671e-01f;
    return p * f + 1.000000072e+00f;
}

#endif
