// Vectors of the widest kind that the compiler's target has, and our random words in them.
#pragma once

#include <immintrin.h>

#include <cstdint>

#define INLINE static inline __attribute__((always_inline))

// ---- vectors

#if defined(__AVX512F__) && defined(__AVX512DQ__)
constexpr int WIDTH = 8;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int WIDTH = 4;
#else
constexpr int WIDTH = 2;
#endif

typedef double Real __attribute__((vector_size(8 * WIDTH)));
typedef uint64_t Word __attribute__((vector_size(8 * WIDTH)));

INLINE Word word(uint64_t x) { return Word{} + x; }
INLINE Word bits(Real x) { return (Word)x; }
INLINE Real from_bits(Word x) { return (Real)x; }

#if defined(__AVX512F__) && defined(__AVX512DQ__)
INLINE Real real(double x) { return (Real)_mm512_set1_pd(x); }
INLINE Real fma(Real a, Real b, Real c) { return (Real)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
INLINE Real root(Real x) { return (Real)_mm512_sqrt_pd((__m512d)x); }
INLINE Word low_product(Word a, Word b) { return (Word)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
INLINE Word xor3(Word a, Word b, Word c) {
    return (Word)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
}
#elif defined(__AVX2__) && defined(__FMA__)
INLINE Real real(double x) { return (Real)_mm256_set1_pd(x); }
INLINE Real fma(Real a, Real b, Real c) { return (Real)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
INLINE Real root(Real x) { return (Real)_mm256_sqrt_pd((__m256d)x); }
INLINE Word low_product(Word a, Word b) { return (Word)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
INLINE Word xor3(Word a, Word b, Word c) { return a ^ b ^ c; }
#else
INLINE Real real(double x) { return (Real)_mm_set1_pd(x); }
INLINE Real fma(Real a, Real b, Real c) { return a * b + c; }
INLINE Real root(Real x) { return (Real)_mm_sqrt_pd((__m128d)x); }
INLINE Word low_product(Word a, Word b) { return (Word)_mm_mul_epu32((__m128i)a, (__m128i)b); }
INLINE Word xor3(Word a, Word b, Word c) { return a ^ b ^ c; }
#endif

INLINE Real fma(double a, Real b, Real c) { return fma(real(a), b, c); }
INLINE Real fma(double a, Real b, double c) { return fma(real(a), b, real(c)); }
INLINE Real fma(Real a, Real b, double c) { return fma(a, b, real(c)); }

// ---- random numbers: only the low 32 bits of each word count until the end

struct Words {
    Word a, b;
};

INLINE Words philox(Word trajectory, Word call, uint64_t tag, uint32_t key0, uint32_t key1) {
    Word x0 = trajectory, x1 = trajectory >> 32, x2 = call, x3 = ((call >> 32) << 4) | word(tag);
    const Word m0 = word(0xD2511F53u), m1 = word(0xCD9E8D57u);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        Word p0 = low_product(x0, m0), p1 = low_product(x2, m1);
        x0 = xor3(p1 >> 32, x1, word(key0));
        x2 = xor3(p0 >> 32, x3, word(key1));
        x1 = p1;
        x3 = p0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    const Word low = word(0xFFFFFFFFu);
    return {(x0 << 32) | (x1 & low), (x2 << 32) | (x3 & low)};
}

INLINE Real uniform(Word w) { return from_bits((w >> 12) | word(0x3FF0000000000000u)) - 0.9999999999999999; }

INLINE Real log_of_uniform(Real u) {
    Word shifted = bits(u) + word(0x3FF0000000000000u - 0x3FE6A09E667F3BCDu);
    Real e = from_bits((shifted >> 52) | word(0x4330000000000000u)) - real(4503599627370496.0 + 1023.0);
    Real m = from_bits((shifted & word(0x000FFFFFFFFFFFFFu)) + word(0x3FE6A09E667F3BCDu));
    Real s = (m - 1.0) / (m + 1.0), z = s * s;
    Real p = fma(0.1662457623417631, z, 0.1814000337488184);
    p = fma(p, z, 0.22222866938736538);
    p = fma(p, z, 0.2857142409195547);
    p = fma(p, z, 0.40000000011367387);
    p = fma(p, z, 0.6666666666666199);
    return fma(e, real(0.6931471805599453), s * fma(p, z, 2.0));
}
