"""Two small jump runs as tables: a dot between two leads, driven up and down twice, and a thermal qubit."""

from __future__ import annotations

from typing import Any

DOT: dict[str, Any] = {
    "trajectories": 500,
    "time_step": 0.25,
    "seed": 1,
    "strokes": True,
    "paths": 200,
    "path_every": 2,
    "system": {
        "kind": "Levels",
        "energy": {"full": "eps", "empty": "0"},
        "order": ["full", "empty"],
        "controls": ["eps"],
    },
    "dynamics": {
        "kind": "MarkovJump",
        "baths": [
            {"kind": "Lead", "name": "left", "on": "empty -> full", "rate": 1.0, "mu": 0.0},
            {"kind": "Lead", "name": "right", "on": "empty -> full", "rate": 0.5, "mu": 0.0},
        ],
    },
    "protocol": {
        "beta": 1.0,
        "cycles": 2,
        "steps": [
            {"kind": "Isothermal", "duration": 2.0, "eps": [-1.0, 1.0], "name": "up"},
            {"kind": "Isothermal", "duration": 1.0, "eps": [1.0, -1.0], "name": "down"},
        ],
    },
}
QUBIT: dict[str, Any] = {
    "trajectories": 500,
    "time_step": 0.05,
    "seed": 1,
    "strokes": True,
    "paths": 200,
    "path_every": 2,
    "system": {
        "kind": "Hamiltonian",
        "energy": "delta/2*X + epsilon/2*Z",
        "controls": ["epsilon"],
        "parameters": {"delta": 2.0},
    },
    "dynamics": {"kind": "QuantumJump", "baths": [{"kind": "BoseBath", "name": "left", "rate": 0.1}]},
    "protocol": {
        "beta": 1.0,
        "cycles": 2,
        "steps": [
            {"kind": "Isothermal", "duration": 3.0, "epsilon": [-0.5, 0.5], "name": "up"},
            {"kind": "Isothermal", "duration": 3.0, "epsilon": [0.5, -0.5], "name": "down"},
        ],
    },
}
