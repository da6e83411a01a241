# make test    the tests of every change; .ci/run does more
# make soak    the same faults by the thousand, then TestU01 on our random words: hours (docs/soak.md)

PYTHON ?= $(or $(wildcard .venv/bin/python),python3)
BATTERY ?= SmallCrush
SEED ?= 1

.PHONY: test soak faults words

test:
	$(PYTHON) -m pytest

soak: faults words

# Every file of tests that says how much more a soak does, and the ten million random numbers.
faults:
	FLUCTUA_SOAK=1 $(PYTHON) -m pytest -m "slow or not slow" tests/stochastic/test_streams.py \
	    $$(grep -rlE "^(from|import) soak" --include="test_*.py" tests)

words:
	PYTHON=$(PYTHON) tests/testu01/run.sh $(BATTERY) $(SEED)
