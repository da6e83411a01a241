"""What all tests share: pictures without a screen, the same examples from hypothesis in every run."""

import os

from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")
