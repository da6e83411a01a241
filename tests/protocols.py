"""Valid protocols for hypothesis: nothing jumps, cycles close, and numbers are halves, so ends are exact."""

from hypothesis import strategies as st

from fluctua.stochastic.protocol import Hold, Isolated, Isothermal, Protocol, Quench, Thermostatic

CONTROLS, BATHS = ("c", "k"), ("hot", "cold")
DURATIONS = st.sampled_from([0.5, 1.0, 2.0])
VALUES = st.integers(-4, 4).map(lambda n: n / 2)
BETAS = st.integers(1, 6).map(lambda n: n / 2)


@st.composite
def ramps(draw, start, ends=VALUES):
    """A value in time that begins at `start`, and where it ends."""
    end = draw(ends)
    middle = draw(st.lists(ends, max_size=3))
    change = f"({end - start!r})"
    form = draw(st.sampled_from(["still", "table", "square", "time"]))
    if form == "still":
        return start, start
    if form == "table":
        return (start, *middle, end), end
    return (f"{start!r} + {change}*s**2" if form == "square" else f"{start!r} + {change}*s*(2 - s)"), end


@st.composite
def protocols(draw, isolated=True):
    """A protocol of both controls, its temperatures said once for all baths or bath by bath."""
    named = draw(st.booleans())
    now = {control: draw(VALUES) for control in CONTROLS}
    beta = {bath: draw(BETAS) for bath in BATHS} if named else draw(BETAS)
    start, at_start = dict(now), dict(beta) if named else beta
    steps = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(
            st.sampled_from(["Isothermal", "Thermostatic", "Quench", "Hold", "Isolated"][: 4 + isolated])
        )
        words = {"name": f"step {len(steps)}"} if draw(st.booleans()) else {}
        if kind == "Quench":
            now["c"], beta = draw(VALUES), {bath: draw(BETAS) for bath in BATHS} if named else draw(BETAS)
            steps.append(Quench(c=now["c"], beta=beta, **words))
        elif kind == "Hold":
            steps.append(Hold(draw(DURATIONS), **words))
        else:
            if kind == "Thermostatic":
                words["beta"], beta = _thermal(draw, beta)
            if kind != "Isolated" and draw(st.booleans()):
                words["baths"] = ["hot"]
            for control in draw(st.sets(st.sampled_from(CONTROLS))):
                words[control], now[control] = draw(ramps(now[control]))
            steps.append(
                {"Isothermal": Isothermal, "Isolated": Isolated}.get(kind, Thermostatic)(
                    draw(DURATIONS), **words
                )
            )
    cycles = draw(st.integers(1, 3))
    if cycles > 1:
        steps.append(Quench(**start, beta=at_start))
    return Protocol(steps, cycles=cycles, beta=at_start, **start)


def _thermal(draw, beta):
    """Temperatures in time from `beta` on, and where they end."""
    if not isinstance(beta, dict):
        return draw(ramps(beta, BETAS))
    drawn = {bath: draw(ramps(value, BETAS)) for bath, value in beta.items()}
    return {bath: ramp for bath, (ramp, _) in drawn.items()}, {bath: end for bath, (_, end) in drawn.items()}
