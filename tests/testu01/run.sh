#!/usr/bin/env bash
# Run a battery of TestU01 on every layout of our words, and on words that must fail it.
#
#     tests/testu01/run.sh [SmallCrush|Crush|BigCrush] [SEED]
#
# PYTHON: whose fluctua; TESTU01: where TestU01 is installed, if the compiler does not find it by itself.
# Exit code 0: all is as it should be, or TestU01 is not here; 1: it is not; 2: run again with another seed.
set -uo pipefail
cd "$(dirname "$0")/../.."

battery=${1:-SmallCrush} seed=${2:-1} python=${PYTHON:-python3}
out=build/testu01
mkdir -p "$out"

place=()
if [ -n "${TESTU01:-}" ]; then
    place=(-I"$TESTU01/include" -L"$TESTU01/lib" -Wl,-rpath,"$TESTU01/lib",--disable-new-dtags)
fi
compile() { cc -O2 "${place[@]}" tests/testu01/battery.c -o "$out/battery" "$@" -lm; }
if ! compile -ltestu01 -lprobdist -lmylib 2>"$out/compiler" &&
    ! compile -ltestu01 -ltestu01probdist -ltestu01mylib 2>"$out/compiler"; then
    echo "TestU01 is not here: no battery was run (docs/soak.md says how to get it)"
    exit 0
fi

outcome_of() { # layout, rounds, seed, battery: what its p-values say, as an exit code
    local log="$out/$4-$1-$2-rounds-seed-$3.txt"
    "$python" tests/testu01/words.py "$1" --rounds "$2" --seed "$3" | "$out/battery" "$4" >"$log"
    local outcome=$?
    printf '%-11s %2d rounds  %s: ' "$1" "$2" "$4"
    tail -n 1 "$log"
    return $outcome
}

tried=0 passed=0 again=0
for layout in trajectory step interleaved seeds high low; do
    outcome_of "$layout" 10 "$seed" "$battery"
    case $? in 0) passed=$((passed + 1)) ;; 2) again=$((again + 1)) ;; esac
    tried=$((tried + 1))
done
controls=0 found=0
for control in "trajectory 3" "step 3" "interleaved 3" "seeds 3" "step 5" "seeds 5"; do
    outcome_of ${control} 1 SmallCrush
    [ $? -eq 1 ] && found=$((found + 1))
    controls=$((controls + 1))
done
echo "$passed / $tried layouts pass $battery, $again to run again with another seed"
echo "$found / $controls controls with fewer rounds than ten fail SmallCrush"
if [ "$found" -ne "$controls" ] || [ $((passed + again)) -ne "$tried" ]; then exit 1; fi
if [ "$again" -gt 0 ]; then exit 2; fi
