"""Kernels of sums over millions of values: plain texts, compiled by `fluctua.stochastic.compiling`."""
