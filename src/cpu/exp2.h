/* exp2.h - 2^f for |f| <= 1/2: the polynomial all instruction sets share. Included by the verbs headers once they have
 * defined vec and v_all.
 *
 * Its relative error is below 9.5e-8, and below 1.8e-7 with the rounding of float32. The best polynomial of degree 5
 * comes to 7.5e-8, but with 1.000000072 for a constant, which no float is: rounded it comes to 1.6e-7. These
 * coefficients are the best floats beside a constant of 1, which also makes 2^0 exact. */
#ifndef AG_EXP2_H
#define AG_EXP2_H

/* Weights below 2^-100 are zero: they cannot show beside the largest, which is 1, and denormal ones would make every
 * product that follows slow. */
#define EXP2_VANISHES (-100.0f)

static inline vec v_exp2_fraction(vec f)
{
    vec p = v_all(1.324689598e-03f);
    p = p * f + 9.671555832e-03f;
    p = p * f + 5.550786108e-02f;
    p = p * f + 2.402224243e-01f;
    p = p * f + 6.931469440e-01f;
    return p * f + 1.0f;
}

#endif
