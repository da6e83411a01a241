"""Means and covariances put together from blocks, against all values at once."""

import numpy as np
import pytest

from fluctua.analysis.joint import joint_moments


@pytest.mark.parametrize("size", [1, 100, 1000, 1001, 4567])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_blocks_agree_with_the_whole(monkeypatch, size, offset):
    monkeypatch.setattr("fluctua.analysis.joint._BLOCK", 100)
    x = offset + np.random.default_rng(1).normal(size=size)
    mean, covariance = joint_moments(
        x, lambda x: x, lambda x: np.tanh(x - offset), lambda x: (x - offset) ** 2
    )
    whole = np.stack([x, np.tanh(x - offset), (x - offset) ** 2])
    # A mean near 1e6 is rounded at 1e-10, and with it each of the deviations, which are a few units at most.
    np.testing.assert_allclose(mean, whole.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(whole, bias=True), rtol=0.0, atol=1e-8 if offset else 1e-12)
