"""What the step of a spiking network must be."""

from neuromm.core.messages import must_be


def check_step(observer, fastest: float) -> None:
    """Refuse a step that does not divide a millisecond or is too long for the fastest time constant (ms)."""
    per_ms = 1.0 / observer.dt
    if abs(per_ms - round(per_ms)) > 1e-9 or round(per_ms) < 1:
        raise must_be(observer.name, "dt", "a whole fraction of 1 ms, such as 0.1 or 0.5", observer.dt)
    if observer.dt > fastest / 2:
        wanted = f"at most half the fastest time constant, {fastest:g} ms"
        raise must_be(observer.name, "dt", wanted, observer.dt)
