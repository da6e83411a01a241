import fluctua as fl

trap = fl.Potential("k/2 * (q - c)**2", coordinates="q", controls=("k", "c"))
drag = fl.Protocol([fl.Isothermal(duration=2.0, c=(0.0, 2.0))], beta=1.0, k=1.0)
spec = fl.EnsembleSpec(trap, fl.Underdamped(mass=1.0, friction=1.0), drag, trajectories=1_000_000, time_step=0.01, seed=1)
forward, reverse = fl.simulate(spec, "runs/drag"), fl.simulate(spec.reversed(), "runs/drag-reverse")
print(fl.verify(forward, reverse))
forward.to_pandas()[["work", "heat"]].describe()
