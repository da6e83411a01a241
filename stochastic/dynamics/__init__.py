"""Dynamics, a file each: the value that a spec holds, and the move that its kernel makes.

A file here is found by itself; its class is called by its name in a spec's `kind`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluctua.stochastic.dynamics.dynamics import Dynamics


def catalogue() -> Mapping[str, type[Dynamics]]:
    """Give the dynamics by name: every class of dynamics that a module of this package defines."""
    from fluctua.stochastic.dynamics.dynamics import Dynamics

    found: dict[str, type[Dynamics]] = {}
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for kind in vars(module).values():
            here = inspect.isclass(kind) and kind.__module__ == module.__name__
            if here and issubclass(kind, Dynamics) and not inspect.isabstract(kind):
                found[kind.__name__] = kind
    return MappingProxyType(found)
