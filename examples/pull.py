"""Write pull.csv and back.csv: work to stretch a molecule and to let it back, exactly as Crooks' theorem has it."""

import numpy as np

KT = 2.4777  # kJ/mol at 298 K
DELTA_F, DISSIPATED, PULLS, REPLICAS = 4.0, 1.5, 500, 5  # kT, kT

rng = np.random.default_rng(1)
for name, mean in (("pull", DELTA_F + DISSIPATED), ("back", -DELTA_F + DISSIPATED)):
    work = KT * rng.normal(mean, np.sqrt(2 * DISSIPATED), PULLS)  # Gaussian work dissipates half its variance
    with open(f"{name}.csv", "w", encoding="utf-8") as file:
        file.write("replica,W (kJ/mol)\n")
        file.writelines(f"{1 + k % REPLICAS},{w:.4f}\n" for k, w in enumerate(work))
