"""Ensembles of a few values with exact probabilities: two-point measurements, counting, exchanges."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Atoms:
    """Values y of forward work, and of reverse work with its sign turned, with their probabilities."""

    value: np.ndarray
    forward: np.ndarray
    reverse: np.ndarray
    free_energy: float

    @classmethod
    def of_reverse(cls, value, reverse):
        """Give the forward process the probabilities that the theorem asks for."""
        value, reverse = np.asarray(value, float), np.asarray(reverse, float) / np.sum(reverse)
        weight = reverse * np.exp(value)
        return cls(value, weight / weight.sum(), reverse, math.log(weight.sum()))

    def draw(self, rng, n_forward, n_reverse):
        forward = rng.choice(self.value, n_forward, p=self.forward)
        return forward, -rng.choice(self.value, n_reverse, p=self.reverse)

    def without_way_back(self, index, share):
        """Let the forward process have a share of a value that the reverse process never takes back."""
        left = np.delete(self.value, index), np.delete(self.reverse, index)
        other = Atoms.of_reverse(*left)
        return Atoms(
            np.append(other.value, self.value[index]),
            np.append((1.0 - share) * other.forward, share),
            np.append(other.reverse, 0.0),
            other.free_energy - math.log1p(-share),
        )


def qubit():
    """Quench of a qubit from sigma_z/2 to cos(1) sigma_z + sin(1) sigma_x, measured at both ends."""
    start, end = np.array([-0.5, 0.5]), np.array([-1.0, 1.0])
    stay = math.cos(0.5) ** 2
    chance = np.array([[stay, 1.0 - stay], [1.0 - stay, stay]])
    p, q = (np.exp(-levels) / np.exp(-levels).sum() for levels in (start, end))
    return Atoms(
        (end[None, :] - start[:, None]).ravel(),
        (p[:, None] * chance).ravel(),
        (q[None, :] * chance).ravel(),
        -math.log(math.cosh(1.0) / math.cosh(0.5)),
    )


def counting(affinity=0.7, number=20, chance=0.3):
    """Count up to `number` particles either way, each worth a bit of work: a lattice."""
    n = np.arange(number + 1)
    masses = [math.comb(number, k) * chance**k * (1.0 - chance) ** (number - k) for k in n]
    return Atoms.of_reverse(affinity * (n - number // 2), masses)


def uneven():
    """Values of very different probability."""
    return Atoms.of_reverse([-3.0, -1.0, 0.0, 1.0, 4.0], [0.004, 0.3, 0.6, 0.095, 0.001])


def rarely_jumping(rng, n_forward, n_reverse):
    """Draw work of a level that mostly never jumps: two atoms beside a density; gives ΔF third."""
    atoms, share, (mean, spread) = np.array([0.0, 1.0]), np.array([0.5, 0.3, 0.2]), (0.4, 0.3)
    weight = share * np.append(np.exp(atoms), math.exp(mean + 0.5 * spread**2))

    def drawn(n, chances, shift):
        kind = rng.choice(3, n, p=chances / chances.sum())
        smooth = rng.normal(mean + shift * spread**2, spread, n)
        return np.where(kind < 2, atoms[np.minimum(kind, 1)], smooth)

    return drawn(n_forward, weight, 1.0), -drawn(n_reverse, share, 0.0), math.log(weight.sum())
