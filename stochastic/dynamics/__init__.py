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
    from fluctua.stochastic.dynamics.langevin import Langevin


def kinds() -> Mapping[str, type[Langevin]]:
    """Give the dynamics by name: every class of Langevin dynamics that a module of this package defines."""
    from fluctua.stochastic.dynamics.langevin import Langevin

    found: dict[str, type[Langevin]] = {}
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for thing in vars(module).values():
            if inspect.isclass(thing) and issubclass(thing, Langevin) and not inspect.isabstract(thing):
                found |= {thing.__name__: thing} if thing.__module__ == module.__name__ else {}
    return MappingProxyType(found)
