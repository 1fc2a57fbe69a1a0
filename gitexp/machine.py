"""What makes a machine unfit to time on, as noted when runs began and ended.

Each warning says what to do next, and none what has been done: a command that is pinned to cores is
not advised to be pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitexp.health import Health, HealthState
from gitexp.model import Plan

Facts = Mapping[str, str | float]

MOMENTARY = frozenset({"load1", "load5", "throttled"})
"""Facts of a moment, which differ from run to run on one machine."""
_MOST_LOAD = 0.5
"""Share of the cores that may be busy when a run begins."""
_WAIT = "measure while nothing else runs, or accept wider intervals"


def is_timed(plan: Plan) -> bool:
    """Whether a clock takes part: a busy machine, or a slow one, changes no score."""
    units = [metric.unit or "" for metric in plan.declared]
    return any(unit == "s" or unit.endswith("/s") for unit in units)


def machine_health(environments: Iterable[Facts], ends: Iterable[Facts] = ()) -> list[Health]:
    """Warnings for the machines on which runs were started.

    Args:
        ends: What was noted when runs ended.
    """
    known = [*environments]
    found = [health for check in _CHECKS for health in check(known)]
    return [*found, *_load(known), *_throttled(ends), *_cores(known)]


def machine_warnings(machine: Facts) -> list[str]:
    """What makes this machine unfit now, and what to do next, a line each."""
    found = [f"{h.check}: {h.value}; {h.advice}" for check in _CHECKS for h in check([machine])]
    for load, cores in _too_busy(machine):
        found.append(f"load: {load:.1f} on {cores:g} cores of {machine.get('host')}; {_WAIT}")
    return found


def _governor(known: list[Facts]) -> list[Health]:
    def is_slow(facts: Facts) -> bool:
        return str(facts.get("governor", "performance")) != "performance"

    return _on_hosts(
        "governor",
        known,
        is_slow,
        lambda facts: str(facts["governor"]),
        threshold="performance",
        advice="set it: sudo cpupower frequency-set -g performance; or accept wider intervals",
    )


def _turbo(known: list[Facts]) -> list[Health]:
    return _on_hosts(
        "turbo",
        known,
        lambda facts: facts.get("turbo") == "on",
        lambda _: "the clock is boosted",
        threshold="off",
        advice="turn it off in intel_pstate/no_turbo or cpufreq/boost, which are in "
        "/sys/devices/system/cpu; or accept wider intervals",
    )


def _smt(known: list[Facts]) -> list[Health]:
    return _on_hosts(
        "smt",
        known,
        lambda facts: facts.get("smt") == "on" and "affinity" not in facts,
        lambda _: "two threads share a core",
        threshold="off, or the command pinned",
        advice="pin the command to a core that nothing else uses: git config exp.cpuAffinity N",
    )


def _power(known: list[Facts]) -> list[Health]:
    return _on_hosts(
        "power",
        known,
        lambda facts: facts.get("power") == "battery",
        lambda _: "battery",
        threshold="mains",
        advice="plug it in before the next run",
    )


_CHECKS = (_governor, _turbo, _smt, _power)


def _on_hosts(
    check: str,
    known: list[Facts],
    is_raised: Callable[[Facts], bool],
    what: Callable[[Facts], str],
    *,
    threshold: str,
    advice: str,
) -> list[Health]:
    """One warning for all hosts where it is so."""
    raised = sorted({f"{what(f)} on {f.get('host')}" for f in known if is_raised(f)})
    if not raised:
        return []
    value = ", ".join(raised[:3])[:200]
    return [
        Health(check=check, state=HealthState.WARN, value=value, threshold=threshold, advice=advice)
    ]


def _load(known: list[Facts]) -> list[Health]:
    busy = [(load, cores, facts) for facts in known for load, cores in _too_busy(facts)]
    if not busy:
        return []
    load, cores, facts = max(busy, key=lambda entry: entry[0] / entry[1])
    host = str(facts.get("host"))[:60]
    return [
        Health(
            check="load",
            state=HealthState.WARN,
            value=f"{load:.1f} on {cores:g} cores of {host} when a run began "
            f"({len(busy)} of {len(known)} runs)",
            threshold=f"at most {_MOST_LOAD * cores:g}, half the cores",
            advice=_WAIT,
        )
    ]


def _too_busy(facts: Facts) -> list[tuple[float, float]]:
    """Load and cores, where more of them were busy than may be."""
    load, cores = facts.get("load1"), facts.get("cores")
    if not isinstance(load, float | int) or not isinstance(cores, float | int) or cores <= 0:
        return []
    return [(load, cores)] if load > _MOST_LOAD * cores else []


def _throttled(ends: Iterable[Facts]) -> list[Health]:
    counts = [(f.get("throttled"), str(f.get("host"))[:60]) for f in ends]
    hot = [(n, host) for n, host in counts if isinstance(n, float | int) and n > 0]
    if not hot:
        return []
    hosts = ", ".join(sorted({host for _, host in hot}))[:120]
    return [
        Health(
            check="throttled",
            state=HealthState.WARN,
            value=f"{hosts} got too hot and slowed down {sum(n for n, _ in hot):g} times in "
            f"{len(hot)} runs",
            threshold="not once",
            advice="let it cool between runs (--max-time), or measure on another machine",
        )
    ]


def _cores(known: list[Facts]) -> list[Health]:
    """A warning for a host that measured now on these cores, now on those."""
    by_host: dict[str, set[str]] = {}
    for facts in known:
        pinned = str(facts.get("affinity", "all"))
        by_host.setdefault(str(facts.get("host")), set()).add(pinned)
    mixed = {host: cores for host, cores in by_host.items() if len(cores) > 1}
    if not mixed:
        return []
    host, cores = min(mixed.items())
    return [
        Health(
            check="cores",
            state=HealthState.WARN,
            value=f"runs on {host[:60]} used different cores: {'; '.join(sorted(cores))[:120]}",
            threshold="the same in all runs",
            advice="keep exp.cpuAffinity as it is while an experiment runs",
        )
    ]
