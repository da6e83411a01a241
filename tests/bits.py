"""Print one digest of all vector functions and random numbers; run by `test_lanes` for several processors."""

import hashlib

import numpy as np

from fluctua.stochastic import compiling, streams


def compiled(function):
    """Apply a lane function to an array."""
    from numba import njit

    @njit(error_model="numpy")
    def run(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    def apply(x):
        y = np.empty_like(x)
        run(x, y)
        return y

    return apply


def arguments():
    """Arguments of every size, made without a library function."""
    steps = np.arange(-2000, 2000) / 64.0
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e-310, 1e9, 1e17, 709.7, -745.0])
    return np.concatenate(
        [steps, steps * 31.0, np.ldexp(1.0 + np.arange(1000) / 999.0, np.arange(1000) - 500), special]
    )


def digest(functions=None):
    """Hash results of the vector functions (compiled, unless others are given) and of the random stream."""
    if functions is None:
        module = compiling.lane_module()
        functions = {name: compiled(getattr(module, name)) for name in ("exp", "log", "sin", "cos", "tanh")}
    total = hashlib.sha256()
    for function in functions.values():
        values = function(arguments())
        values[np.isnan(values)] = np.nan  # the sign of a NaN is nobody's
        total.update(values.tobytes())
    for draw in (streams.draw_normals, streams.draw_uniforms):
        total.update(draw(2**63 + 5, "reverse", "initial", 2**32 - 70, 300, 5).tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    print(digest())
