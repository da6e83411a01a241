"""What all tests share: pictures without a screen, the same examples from hypothesis in every run."""

import os

from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would fight over the processors
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")
