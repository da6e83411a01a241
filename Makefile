# make test    the tests of every change; .ci/run does more
# make soak    the same faults by the thousand, then TestU01 on our random words: hours (docs/soak.md)

PYTHON ?= $(or $(wildcard .venv/bin/python),python3)
BATTERY ?= SmallCrush
SEED ?= 1
# The files of tests that say how much more a soak does.
ASKING = $(shell grep -rlE "^ *(from|import) soak([ ,]|$$)" --include="test_*.py" tests)

.PHONY: test soak faults words

test:
	$(PYTHON) -m pytest

soak: faults words

# These, and the ten million random numbers. As root also tests that mount a small disk.
faults:
	FLUCTUA_SOAK=1 $(PYTHON) -m pytest -m "slow or not slow" tests/stochastic/test_streams.py $(ASKING)

words:
	PYTHON=$(PYTHON) tests/testu01/run.sh $(BATTERY) $(SEED)
