"""Print one digest of jump runs, at rates that stand and that move; run for several processors."""

import hashlib

from fluctua.stochastic.dynamics.markov_jump import MarkovJump
from fluctua.stochastic.initial import Steady
from fluctua.stochastic.levels import Levels
from fluctua.stochastic.markov.engine import MarkovPropagator
from fluctua.stochastic.protocol import Protocol
from fluctua.stochastic.reservoirs import Arrhenius, BoseBath, Lead
from fluctua.stochastic.steps import Hold, Isothermal, Quench, Thermostatic

LEVELS = Levels(
    {"empty": "0", "full": "eps", "hot": "eps + 1.5", "twice": "2*eps + u"},
    controls="eps",
    parameters={"u": 0.7},
)
BATHS = MarkovJump(
    [
        Lead("left", on=["empty -> full", "full -> twice"], rate=1.0, mu="0.3 + eps/7"),
        Lead("right", on=["empty -> hot", "hot -> twice"], rate="1 + eps**2/9", mu=0.3),
        BoseBath("phonons", on="full -> hot", rate=0.8, spectrum="omega"),
        Arrhenius("thermal", on="full -> hot", rate=2.0, barrier="eps + 2"),
    ],
    housekeeping=True,
)
TEMPERATURES = {"left": 1.0, "right": 1.3, "phonons": 0.8, "thermal": 0.9}
STILL = Protocol([Hold(3.0), Quench(eps=0.9), Hold(2.0, baths=["left", "right"])], beta=TEMPERATURES, eps=0.4)
MOVING = Protocol(
    [
        Isothermal(1.0, eps="sin(3*t)"),
        Quench(eps=0.0),
        Thermostatic(1.0, beta={"left": (1.0, 2.0)}, eps=(0.0, 0.6, 0.1)),
    ],
    beta=TEMPERATURES,
    eps=0.0,
)


def digest():
    """Hash columns, strokes, paths and jumps of both kernels."""
    total = hashlib.sha256()
    for protocol in (STILL, MOVING):
        propagator = MarkovPropagator(
            LEVELS, BATHS, protocol, seed=2**63 + 5, initial=Steady(), strokes=True, paths=4, time_step=0.25
        )
        block = propagator.run(2**32 - 70, 300)
        traced = propagator.run(0, 4)
        for table in (block.columns, block.strokes, traced.paths, traced.jumps):
            for name in table:
                total.update(name.encode() + table[name].tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    print(digest())
