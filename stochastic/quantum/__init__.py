"""Quantum jumps: small matrices, channels, remarks; engine and exact companions stand beside them."""
