/* Run a battery of TestU01 on 32-bit words from stdin.

     battery SmallCrush|Crush|BigCrush

   Exit code 0: every p-value lies in [1e-4, 1 - 1e-4]; 1: one lies outside [1e-10, 1 - 1e-10], the words
   are not random; 2: one lies between, run again with another seed; 3: bad call, or the words ended.
   TestU01: P. L'Ecuyer, R. Simard, ACM Trans. Math. Softw. 33, 22 (2007). */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<testu01/bbattery.h>) /* as Debian packs it */
#include <testu01/bbattery.h>
#include <testu01/swrite.h>
#else
#include "bbattery.h"
#include "swrite.h"
#endif

enum { AT_ONCE = 1 << 16, BAD_CALL = 3 };
static const double SUSPECT = 1e-4, FAILED = 1e-10;

static unsigned int next_word(void)
{
    static uint32_t words[AT_ONCE];
    static size_t at = 0, there = 0;
    if (at == there) {
        there = fread(words, sizeof words[0], AT_ONCE, stdin);
        at = 0;
        if (there == 0) {
            fprintf(stderr, "error: the words ended\n");
            exit(BAD_CALL);
        }
    }
    return words[at++];
}

static int verdict(void)
{
    int outcome = 0;
    double extreme = 0.5;
    for (int k = 0; k < bbattery_NTests; k++) {
        const double p = bbattery_pVal[k], side = p < 1 - p ? p : 1 - p;
        if (side < extreme)
            extreme = side;
        if (side < SUSPECT) {
            printf("%s  p = %.3g  %s\n", side < FAILED ? "FAILED " : "suspect", p, bbattery_TestNames[k]);
            if (side < FAILED)
                outcome = 1;
            else if (outcome == 0)
                outcome = 2;
        }
    }
    printf("%d p-values, the most extreme %.3g from 0 or 1\n", bbattery_NTests, extreme);
    return outcome;
}

int main(int argc, char **argv)
{
    const char *const name = argc == 2 ? argv[1] : "";
    void (*const battery)(unif01_Gen *) = !strcmp(name, "SmallCrush") ? bbattery_SmallCrush
                                          : !strcmp(name, "Crush")    ? bbattery_Crush
                                          : !strcmp(name, "BigCrush") ? bbattery_BigCrush
                                                                      : NULL;
    if (battery == NULL) {
        fprintf(stderr, "error: no battery: write SmallCrush, Crush or BigCrush\n");
        return BAD_CALL;
    }
    swrite_Basic = FALSE;
    unif01_Gen *const generator = unif01_CreateExternGenBits("stdin", next_word);
    battery(generator);
    unif01_DeleteExternGenBits(generator);
    return verdict();
}
