"""Fluctua."""
