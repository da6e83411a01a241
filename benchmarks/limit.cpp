// The hardware limit: what a careful C++ programmer gets out of one core for the work that our kernels do.
//
// Same random stream (Philox4x32-10, Box-Muller from 52 and 53 bits), same map, same ledger, same two records, written by
// hand for one potential,
//
//     U(q; k, h) = q^4/4 + k q^2/2 - h q,      records: time integral of q^2, Stratonovich integral of q^3,
//
// in vectors of the widest kind that the compiler's target has. Results agree with ours to rounding (run.py checks it).
//
// Trajectories go in blocks of BLOCK vectors. Four steps at a time: random words for the block, then normals, then motion
// with everything in registers. BLOCK = 1 is the fused kernel, which never leaves the registers; larger blocks overlap
// better. run.py takes the fastest.
//
//     g++ -O3 -march=native -ffast-math -std=c++17 -shared -fPIC limit.cpp -o limit.so

#include "vectors.h"

INLINE void box_muller(Words w, Real &first, Real &second) {
    const Word one = word(0x3FF0000000000000u);
    Real y = from_bits((w.b >> 12) | one) - 1.5;
    Real radius = root(log_of_uniform(uniform(w.a)) * -2.0), v = y * y;
    Real s = fma(-2.1133801443867396e-05, v, 0.00046598716815069677);
    s = fma(s, v, -0.007370364378905986);
    s = fma(s, v, 0.08214587882523941);
    s = fma(s, v, -0.5992645288260054);
    s = fma(s, v, 2.5501640398619);
    s = fma(s, v, -5.167712780049786);
    s = fma(s, v, 3.1415926535897927);
    Real c = fma(4.149591867063527e-06, v, -0.00010456658087273931);
    c = fma(c, v, 0.0019295562836343031);
    c = fma(c, v, -0.025806888739358047);
    c = fma(c, v, 0.23533063012980845);
    c = fma(c, v, -1.3352627688434646);
    c = fma(c, v, 4.058712126416498);
    c = fma(c, v, -4.934802200544676);
    c = fma(c, v, 1.0);
    first = radius * (s * y);
    second = radius * from_bits(bits(c) ^ (w.a << 63));
}

// ---- physics

// One time step: controls and inverse temperature held during the move, and those that they change to.
// Underdamped: v' = keep v + spread z. Overdamped: q' = q + keep F + spread z, keep = mobility times time step.
struct Step {
    double k, h, k_next, h_next, beta, beta_next, beta_change, keep, spread, inverse_spread, temperature;
};

enum { Q, V, FORCE, ENERGY, WORK, DIMENSIONLESS, HEAT, ENTROPY, SHADOW, RATIO, SQUARE, CUBE, ROWS };
enum { START_ENERGY = ROWS, START_BARE, BARE, OUTPUTS };

INLINE Real energy(Real q, double k, double h) {
    Real square = q * q;
    return fma(real(-h), q, fma(0.5 * k, square, 0.25 * square * square));
}
INLINE Real force(Real q, double k, double h) { return fma(-q, q * q + k, h); }

// Exchange controls at frozen state: work.
INLINE void change(Real *x, Real met, Real next, Real kinetic, double beta_next, double beta_change) {
    Real done = next - met;
    x[WORK] += done;
    x[DIMENSIONLESS] = fma(beta_next, done, fma(beta_change, met + kinetic, x[DIMENSIONLESS]));
    x[ENERGY] = next;
}

template <bool UNDERDAMPED> INLINE void advance(Real *x, Real z, const Step &s, double time_step) {
    const double half = 0.5 * time_step;
    Real q = x[Q], to, old_square = q * q, shadow, absorbed;
    if (UNDERDAMPED) {
        Real v = x[V], kicked = fma(half, x[FORCE], v), halfway = fma(half, kicked, q);
        Real slowed = fma(s.keep, kicked, s.spread * z);
        absorbed = 0.5 * (slowed - kicked) * (slowed + kicked);
        Real back = fma(-s.keep, slowed, kicked) * s.inverse_spread;
        x[RATIO] = fma(0.5 * (back - z), back + z, x[RATIO]);
        to = fma(half, slowed, halfway);
        x[V] = slowed;
        shadow = 0.5 * (kicked - v) * (kicked + v);
    } else {
        to = fma(s.keep, x[FORCE], fma(s.spread, z, q));
    }
    Real square = to * to, quarter = 0.25 * square * square, moved = to - q;
    Real met = fma(-s.h, to, fma(0.5 * s.k, square, quarter)), met_force = fma(-to, square + s.k, s.h);
    Real next = fma(-s.h_next, to, fma(0.5 * s.k_next, square, quarter));
    Real kinetic = real(0.0);
    if (UNDERDAMPED) {
        Real slowed = x[V], v = fma(half, met_force, slowed);
        shadow += 0.5 * (v - slowed) * (v + slowed);
        kinetic = 0.5 * v * v;
        x[V] = v;
    } else {
        Real back = fma(s.keep, met_force, moved) * s.inverse_spread;
        Real ratio = 0.5 * (back - z) * (back + z);
        absorbed = -s.temperature * ratio;
        x[RATIO] += ratio;
        shadow = fma(0.5 * (x[FORCE] + met_force), moved,
                     0.25 * s.keep * (met_force - x[FORCE]) * (met_force + x[FORCE]));
    }
    x[HEAT] += absorbed;
    x[ENTROPY] = fma(-s.beta, absorbed, x[ENTROPY]);
    x[SHADOW] += (met - x[ENERGY]) + shadow;
    x[SQUARE] = fma(half, old_square + square, x[SQUARE]);
    x[CUBE] = fma(0.5 * fma(old_square, q, square * to), moved, x[CUBE]);
    change(x, met, next, kinetic, s.beta_next, s.beta_change);
    x[FORCE] = fma(-to, square + s.k_next, s.h_next);
    x[Q] = to;
}

// ---- blocks

template <bool UNDERDAMPED, int BLOCK>
static void simulate(uint64_t first, int64_t count, int64_t steps, double time_step, const Step *opening, const Step *table,
                     uint32_t key0, uint32_t key1, const double *start, double *out) {
    constexpr int GROUP = 4;
    alignas(64) Real state[BLOCK][ROWS], begun[BLOCK][2], noise[GROUP][BLOCK];
    Word trajectory[BLOCK];
    Words words[GROUP / 2][BLOCK];
    for (int64_t at = 0; at < count; at += BLOCK * WIDTH) {
        for (int b = 0; b < BLOCK; ++b) {
            Real *x = state[b];
            for (int row = 0; row < ROWS; ++row) x[row] = real(0.0);
            for (int lane = 0; lane < WIDTH; ++lane) {
                int64_t i = at + b * WIDTH + lane;
                trajectory[b][lane] = first + i;
                x[Q][lane] = start[i < count ? i : count - 1];
                if (UNDERDAMPED) x[V][lane] = start[count + (i < count ? i : count - 1)];
            }
            begun[b][0] = energy(x[Q], opening->k, opening->h);
            begun[b][1] = energy(x[Q], 0.0, 0.0);
            change(x, begun[b][0], energy(x[Q], opening->k_next, opening->h_next), 0.5 * x[V] * x[V], opening->beta_next,
                   opening->beta_change);
            x[FORCE] = force(x[Q], opening->k_next, opening->h_next);
        }
        for (int64_t step = 0; step < steps; step += GROUP) {
            for (int c = 0; c < GROUP / 2; ++c)
                for (int b = 0; b < BLOCK; ++b) words[c][b] = philox(trajectory[b], word((step + 2 * c) / 2), 0, key0, key1);
            for (int c = 0; c < GROUP / 2; ++c)
                for (int b = 0; b < BLOCK; ++b) box_muller(words[c][b], noise[2 * c][b], noise[2 * c + 1][b]);
            for (int b = 0; b < BLOCK; ++b) {
                Real x[ROWS];
                for (int row = 0; row < ROWS; ++row) x[row] = state[b][row];
                if (steps - step >= GROUP) {
#pragma GCC unroll 4
                    for (int s = 0; s < GROUP; ++s) advance<UNDERDAMPED>(x, noise[s][b], table[step + s], time_step);
                } else {
                    for (int s = 0; s < steps - step; ++s) advance<UNDERDAMPED>(x, noise[s][b], table[step + s], time_step);
                }
                for (int row = 0; row < ROWS; ++row) state[b][row] = x[row];
            }
        }
        for (int b = 0; b < BLOCK; ++b) {
            Real bare = energy(state[b][Q], 0.0, 0.0);
            for (int lane = 0; lane < WIDTH; ++lane) {
                int64_t i = at + b * WIDTH + lane;
                if (i >= count) break;
                for (int row = 0; row < ROWS; ++row) out[row * count + i] = state[b][row][lane];
                out[START_ENERGY * count + i] = begun[b][0][lane];
                out[START_BARE * count + i] = begun[b][1][lane];
                out[BARE * count + i] = bare[lane];
            }
        }
    }
}

template <int BLOCK>
static void choose(int underdamped, uint64_t first, int64_t count, int64_t steps, double time_step, const Step *opening,
                   const Step *table, uint32_t key0, uint32_t key1, const double *start, double *out) {
    if (underdamped)
        simulate<true, BLOCK>(first, count, steps, time_step, opening, table, key0, key1, start, out);
    else
        simulate<false, BLOCK>(first, count, steps, time_step, opening, table, key0, key1, start, out);
}

extern "C" {

int width() { return WIDTH; }
int outputs() { return OUTPUTS; }

// out: (outputs, count); start: (1 or 2, count). Returns 0 if there is no kernel for this block.
int run(int block, int underdamped, uint64_t first, int64_t count, int64_t steps, double time_step, const double *opening,
        const double *table, uint32_t key0, uint32_t key1, const double *start, double *out) {
    const Step *open = (const Step *)opening, *rows = (const Step *)table;
    switch (block) {
        case 1: choose<1>(underdamped, first, count, steps, time_step, open, rows, key0, key1, start, out); return 1;
        case 4: choose<4>(underdamped, first, count, steps, time_step, open, rows, key0, key1, start, out); return 1;
        case 8: choose<8>(underdamped, first, count, steps, time_step, open, rows, key0, key1, start, out); return 1;
        case 16: choose<16>(underdamped, first, count, steps, time_step, open, rows, key0, key1, start, out); return 1;
        case 32: choose<32>(underdamped, first, count, steps, time_step, open, rows, key0, key1, start, out); return 1;
    }
    return 0;
}
}
