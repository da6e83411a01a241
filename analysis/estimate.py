"""Numbers with their errors, as every estimator here returns them."""

from fluctua.ensembles.estimate import Estimate, uncertain

__all__ = ["Estimate", "uncertain"]
