"""Texts of kernels: unrolled and compiled by need, never run as they stand."""
