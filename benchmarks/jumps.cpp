// The hardware limit of jumps: what a careful C++ programmer gets out of one core by brute force.
//
// Same random stream, same law of jumps, same ledger as ours; results agree with ours (jumps.py checks it).
//
// A driven qubit: each time step is one product with its exact 2 x 2 matrix, and the norm is looked at after each. A jump
// takes place at the very instant where the norm meets its threshold (`exact`, what ours does), found by Newton's method on
// Taylor's series; or, as one writes it first, at the end of the step (an error of the order of the time step, and less work).
//
// Levels at constant rates with two channels out of each (Gillespie's direct method): a candidate a lane and turn. A lane
// whose trajectory is over takes the next one, so that none waits for the longest.
//
//     g++ -O3 -march=native -mprefer-vector-width=512 -ffp-contract=off -std=c++17 -shared -fPIC jumps.cpp -o jumps.so

#include <cmath>

#include "vectors.h"

typedef int64_t Mask __attribute__((vector_size(8 * WIDTH)));

INLINE Real choose(Mask m, Real a, Real b) { return from_bits(((Word)m & bits(a)) | (~(Word)m & bits(b))); }
INLINE Word choose(Mask m, Word a, Word b) { return ((Word)m & a) | (~(Word)m & b); }

#if defined(__AVX512F__) && defined(__AVX512DQ__)
INLINE unsigned lanes(Mask m) { return _mm512_movepi64_mask((__m512i)m); }
INLINE unsigned less(Real a, Real b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ); }
#elif defined(__AVX2__) && defined(__FMA__)
INLINE unsigned lanes(Mask m) { return _mm256_movemask_pd((__m256d)m); }
INLINE unsigned less(Real a, Real b) { return lanes(a < b); }
#else
INLINE unsigned lanes(Mask m) { return _mm_movemask_pd((__m128d)m); }
INLINE unsigned less(Real a, Real b) { return lanes(a < b); }
#endif

// ---- a qubit

// What holds during a step, for the product, and for a jump.
struct Move {
    double m[8];  // matrix exp(G dt): row by row, real and imaginary parts
    double n[4];  // the imaginary parts again, negative: what is read from memory need not be negated
};
struct Bath {
    double g[8];         // generator G
    double v[8];         // eigenvectors as columns, lower level first, row by row
    double down, up;     // rates
    double quantum;      // energy that a jump up takes from the bath
    double flow, ratio;  // entropy flow of a jump down, ln of its rate over that of a jump up
};

enum { ACTIVITY, HEAT, FLOW, RATIO, LEDGER };

struct Complex {
    double re, im;
};
INLINE Complex product(const double *m, const double *x) {
    return {std::fma(m[0], x[0], std::fma(-m[1], x[1], std::fma(m[2], x[2], -m[3] * x[3]))),
            std::fma(m[0], x[1], std::fma(m[1], x[0], std::fma(m[2], x[3], m[3] * x[2])))};
}
INLINE double squared(const double *x) { return std::fma(x[0], x[0], x[1] * x[1]) + std::fma(x[2], x[2], x[3] * x[3]); }

// One trajectory, taken out of its lane for the step in which it jumps.
struct One {
    double x[4], threshold, ledger[LEDGER];
};

constexpr int POWERS = 8;  // (|G| dt)^9 / 9! is far below rounding for steps that are worth a test each

// Find where in the step the norm meets the threshold, from x at its beginning; x becomes the state there.
INLINE double meet(const double *g, double *x, double length, double threshold) {
    double s[POWERS + 1][4];
    for (int a = 0; a < 4; ++a) s[0][a] = x[a];
    for (int n = 1; n <= POWERS; ++n) {
        Complex a = product(g, s[n - 1]), b = product(g + 4, s[n - 1]);
        double inverse = 1.0 / n;
        s[n][0] = a.re * inverse, s[n][1] = a.im * inverse, s[n][2] = b.re * inverse, s[n][3] = b.im * inverse;
    }
    // The norm's own slope at the beginning gives the first guess; it hardly changes in a step.
    double above = squared(x) - threshold, fall = 0.0;
    for (int a = 0; a < 4; ++a) fall -= 2.0 * s[0][a] * s[1][a];
    double time = std::fmin(above / fall, length);
    for (int attempt = 0; attempt < 20; ++attempt) {
        double slope[4];
        for (int a = 0; a < 4; ++a) x[a] = s[POWERS][a], slope[a] = 0.0;
        for (int n = POWERS - 1; n >= 0; --n)
            for (int a = 0; a < 4; ++a) {
                slope[a] = std::fma(slope[a], time, x[a]);
                x[a] = std::fma(x[a], time, s[n][a]);
            }
        fall = 0.0;
        for (int a = 0; a < 4; ++a) fall = std::fma(-2.0 * x[a], slope[a], fall);
        double change = (squared(x) - threshold) / fall;
        time += change;
        if (std::fabs(change) <= 0x1p-26 * length) {
            for (int a = 0; a < 4; ++a) x[a] = std::fma(change, slope[a], x[a]);
            break;
        }
    }
    return time;
}

// Carry one trajectory from the beginning of a step, where it is o.x, to its end; its norm falls below the threshold in it.
template <bool EXACT>
static void cross(One &o, const Move &move, const Bath &bath, double time_step, uint64_t trajectory, uint32_t key0, uint32_t key1,
                  uint64_t tag) {
    double rest = time_step, end[4];
    if (!EXACT) {
        Complex a = product(move.m, o.x), b = product(move.m + 4, o.x);
        o.x[0] = a.re, o.x[1] = a.im, o.x[2] = b.re, o.x[3] = b.im;
    }
    for (;;) {
        if (EXACT) rest -= meet(bath.g, o.x, rest, o.threshold);
        o.ledger[ACTIVITY] += 1.0;
        Words w = philox(word(trajectory), word((uint64_t)o.ledger[ACTIVITY]), tag, key0, key1);
        double number = uniform(w.b)[0], amplitude[4];
        o.threshold = uniform(w.a)[0];
        for (int level = 0; level < 2; ++level) {
            const double *v = bath.v + 2 * level;
            amplitude[2 * level] = v[0] * o.x[0] + v[1] * o.x[1] + v[4] * o.x[2] + v[5] * o.x[3];
            amplitude[2 * level + 1] = v[0] * o.x[1] - v[1] * o.x[0] + v[4] * o.x[3] - v[5] * o.x[2];
        }
        double lower = std::fma(amplitude[0], amplitude[0], amplitude[1] * amplitude[1]);
        double upper = std::fma(amplitude[2], amplitude[2], amplitude[3] * amplitude[3]);
        bool down = number * std::fma(bath.down, upper, bath.up * lower) < bath.down * upper;
        double sign = down ? -1.0 : 1.0;
        o.ledger[HEAT] += sign * bath.quantum;
        o.ledger[FLOW] -= sign * bath.flow;
        o.ledger[RATIO] -= sign * bath.ratio;
        const double *v = bath.v + (down ? 0 : 2);
        o.x[0] = v[0], o.x[1] = v[1], o.x[2] = v[4], o.x[3] = v[5];
        if (!EXACT) return;
        // To the end of the step: Taylor's series again, and another jump if the norm falls that far.
        double term[4];
        for (int a = 0; a < 4; ++a) end[a] = term[a] = o.x[a];
        for (int n = 1; n <= POWERS; ++n) {
            Complex a = product(bath.g, term), b = product(bath.g + 4, term);
            double factor = rest / n;
            term[0] = a.re * factor, term[1] = a.im * factor, term[2] = b.re * factor, term[3] = b.im * factor;
            for (int k = 0; k < 4; ++k) end[k] += term[k];
        }
        if (squared(end) >= o.threshold) break;
    }
    for (int a = 0; a < 4; ++a) o.x[a] = end[a];
}

// A vector of trajectories, before and after a step; a copy, so that those of the hot loop stay in registers.
struct Crossing {
    Real from[4], to[4], threshold;
};

template <bool EXACT>
static __attribute__((noinline)) void cross_lanes(unsigned fallen, Crossing &l, Real *ledger, const Move &move, const Bath &bath,
                                                  double time_step, uint64_t first, int64_t at, int64_t count, uint32_t key0,
                                                  uint32_t key1, uint64_t tag) {
    for (; fallen; fallen &= fallen - 1) {
        int lane = __builtin_ctz(fallen);
        One o;
        for (int a = 0; a < 4; ++a) o.x[a] = l.from[a][lane];
        for (int k = 0; k < LEDGER; ++k) o.ledger[k] = ledger[k][lane];
        o.threshold = l.threshold[lane];
        uint64_t trajectory = first + (at + lane < count ? at + lane : count - 1);
        cross<EXACT>(o, move, bath, time_step, trajectory, key0, key1, tag);
        for (int a = 0; a < 4; ++a) l.to[a][lane] = o.x[a];
        for (int k = 0; k < LEDGER; ++k) ledger[k][lane] = o.ledger[k];
        l.threshold[lane] = o.threshold;
    }
}

template <bool EXACT, int BLOCK>
static void qubit(uint64_t first, int64_t count, int64_t steps, double time_step, const Move *moves, const Bath *baths,
                  uint32_t key0, uint32_t key1, uint64_t tag, const double *start, double *out) {
    for (int64_t at = 0; at < count; at += BLOCK * WIDTH) {
        Real ends[BLOCK][4], ledger[BLOCK][LEDGER], threshold[BLOCK], x[BLOCK][4];
        for (int b = 0; b < BLOCK; ++b) {
            Word trajectory;
            for (int lane = 0; lane < WIDTH; ++lane) {
                int64_t i = at + b * WIDTH + lane, k = i < count ? i : count - 1;
                trajectory[lane] = first + k;
                for (int a = 0; a < 4; ++a) ends[b][a][lane] = start[(a % 2 * 2 + a / 2) * count + k];
            }
            threshold[b] = uniform(philox(trajectory, word(0), tag, key0, key1).a);
            for (int k = 0; k < LEDGER; ++k) ledger[b][k] = real(0.0);
        }
#pragma GCC unroll 8
        for (int b = 0; b < BLOCK; ++b)
#pragma GCC unroll 4
            for (int a = 0; a < 4; ++a) x[b][a] = ends[b][a];
        for (int64_t step = 0; step < steps; ++step) {
            const double *m = moves[step].m, *n = moves[step].n;
#pragma GCC unroll 8
            for (int b = 0; b < BLOCK; ++b) {
                Real p0 = x[b][0], p1 = x[b][1], p2 = x[b][2], p3 = x[b][3];
                Real y0 = fma(m[0], p0, fma(n[0], p1, fma(m[2], p2, real(n[1]) * p3)));
                Real y1 = fma(m[0], p1, fma(m[1], p0, fma(m[2], p3, real(m[3]) * p2)));
                Real y2 = fma(m[4], p0, fma(n[2], p1, fma(m[6], p2, real(n[3]) * p3)));
                Real y3 = fma(m[4], p1, fma(m[5], p0, fma(m[6], p3, real(m[7]) * p2)));
                Real norm = fma(y0, y0, fma(y1, y1, fma(y2, y2, y3 * y3)));
                unsigned fallen = less(norm, threshold[b]);
                if (__builtin_expect(fallen, 0)) {
                    Crossing l = {{p0, p1, p2, p3}, {y0, y1, y2, y3}, threshold[b]};
                    cross_lanes<EXACT>(fallen, l, ledger[b], moves[step], baths[step], time_step, first, at + b * WIDTH, count,
                                       key0, key1, tag);
                    y0 = l.to[0], y1 = l.to[1], y2 = l.to[2], y3 = l.to[3];
                    threshold[b] = l.threshold;
                }
                x[b][0] = y0, x[b][1] = y1, x[b][2] = y2, x[b][3] = y3;
            }
        }
#pragma GCC unroll 8
        for (int b = 0; b < BLOCK; ++b)
#pragma GCC unroll 4
            for (int a = 0; a < 4; ++a) ends[b][a] = x[b][a];
        for (int b = 0; b < BLOCK; ++b)
            for (int lane = 0; lane < WIDTH; ++lane) {
                int64_t i = at + b * WIDTH + lane;
                if (i >= count) break;
                for (int a = 0; a < 4; ++a) out[a * count + i] = ends[b][a][lane];
                for (int k = 0; k < LEDGER; ++k) out[(4 + k) * count + i] = ledger[b][k][lane];
            }
    }
}

// ---- levels

constexpr int LEVELS = 8;

// What a level does: mean waiting time, the probability of its first channel, and of each channel what it does: the level
// that it leads to, and one number that counts the jump in 24 bits and particles from two baths in 20 bits each.
struct Level {
    double wait, chance;
    int64_t target[2], gain[2];
};

struct Table {
    alignas(64) double wait[LEVELS], chance[LEVELS];
    alignas(64) uint64_t target[2 * LEVELS], gain[2 * LEVELS];
};

#if defined(__AVX512F__) && defined(__AVX512DQ__)
INLINE Real of_level(const double *table, Word level) {
    return (Real)_mm512_permutexvar_pd((__m512i)level, _mm512_load_pd(table));
}
INLINE Word of_channel(const uint64_t *table, Word channel) {
    return (Word)_mm512_permutex2var_epi64(_mm512_load_epi64(table), (__m512i)channel, _mm512_load_epi64(table + LEVELS));
}
#else
INLINE Real of_level(const double *table, Word level) {
    Real found;
    for (int lane = 0; lane < WIDTH; ++lane) found[lane] = table[level[lane]];
    return found;
}
INLINE Word of_channel(const uint64_t *table, Word channel) {
    Word found;
    for (int lane = 0; lane < WIDTH; ++lane) found[lane] = table[channel[lane]];
    return found;
}
#endif

struct Lanes {
    Word trajectory, call, level, count;
    Real time;
};

// TURNS candidates between two looks at who is over; BLOCK vectors together.
template <int BLOCK, int TURNS>
static void levels(uint64_t first, int64_t count, double duration, const Level *rows, uint32_t key0, uint32_t key1, uint64_t tag,
                   const int64_t *start, int64_t *out) {
    Table table;
    for (int k = 0; k < LEVELS; ++k) {
        table.wait[k] = rows[k].wait, table.chance[k] = rows[k].chance;
        for (int c = 0; c < 2; ++c) table.target[2 * k + c] = rows[k].target[c], table.gain[2 * k + c] = rows[k].gain[c];
    }
    Lanes x[BLOCK];
    int64_t next = 0, running = 0;
    for (int b = 0; b < BLOCK; ++b)
        for (int lane = 0; lane < WIDTH; ++lane) {
            int64_t k = next < count ? next++ : count;  // past the last: nobody
            running += k < count;
            x[b].trajectory[lane] = first + k;
            x[b].call[lane] = 0, x[b].count[lane] = 0;
            x[b].level[lane] = k < count ? start[k] : 0;
            x[b].time[lane] = k < count ? 0.0 : INFINITY;
        }
    while (running) {
        for (int turn = 0; turn < TURNS; ++turn) {
            Word second[BLOCK];
            Real waited[BLOCK];
#pragma GCC unroll 8
            for (int b = 0; b < BLOCK; ++b) {
                Words w = philox(x[b].trajectory, x[b].call, tag, key0, key1);
                waited[b] = -log_of_uniform(uniform(w.a));
                second[b] = w.b;
            }
#pragma GCC unroll 8
            for (int b = 0; b < BLOCK; ++b) {
                Lanes &l = x[b];
                Real v = from_bits((second[b] >> 12) | word(0x3FF0000000000000u)) - 1.0;
                l.time = fma(waited[b], of_level(table.wait, l.level), l.time);
                Word channel = l.level + l.level - (Word)(Mask)(v >= of_level(table.chance, l.level));
                Mask happens = l.time < duration;
                l.count += choose(happens, of_channel(table.gain, channel), word(0));
                l.level = choose(happens, of_channel(table.target, channel), l.level);
                l.call += word(1);
            }
        }
        for (int b = 0; b < BLOCK; ++b)
            for (unsigned over = lanes(x[b].time >= duration); over; over &= over - 1) {
                int lane = __builtin_ctz(over);
                if (x[b].time[lane] == INFINITY) continue;
                int64_t k = x[b].trajectory[lane] - first;
                out[k] = x[b].count[lane];
                out[count + k] = x[b].level[lane];
                bool more = next < count;
                running -= !more;
                x[b].trajectory[lane] = first + next;
                x[b].call[lane] = 0, x[b].count[lane] = 0;
                x[b].level[lane] = more ? start[next] : 0;
                x[b].time[lane] = more ? 0.0 : INFINITY;
                next += more;
            }
    }
}

extern "C" {

// start: (4, count), real parts and then imaginary ones; out: (8, count), amplitudes (re, im, re, im) and ledger.
int run_qubit(int block, int exact, uint64_t first, int64_t count, int64_t steps, double time_step, const double *moves,
              const double *baths, uint32_t key0, uint32_t key1, uint64_t tag, const double *start, double *out) {
#define CASE(N)                                                                                                             \
    case N:                                                                                                                 \
        (exact ? qubit<true, N> : qubit<false, N>)(first, count, steps, time_step, (const Move *)moves, (const Bath *)baths, \
                                                   key0, key1, tag, start, out);                                            \
        return 1;
    switch (block) { CASE(2) CASE(3) CASE(4) }
#undef CASE
    return 0;
}

// start: level of each trajectory; out: (2, count), what is counted, packed, and the last level.
int run_levels(int block, int turns, uint64_t first, int64_t count, double duration, const void *rows, uint32_t key0,
               uint32_t key1, uint64_t tag, const int64_t *start, int64_t *out) {
#define CASE(N, T)                                                                                 \
    if (block == N && turns == T) {                                                                \
        levels<N, T>(first, count, duration, (const Level *)rows, key0, key1, tag, start, out);     \
        return 1;                                                                                  \
    }
    CASE(2, 1) CASE(4, 1) CASE(4, 4) CASE(8, 4)
#undef CASE
    return 0;
}
}
