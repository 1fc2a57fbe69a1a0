"""From the names in a file of results to the metrics of a plan."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gitexp.app.metric_values import check_meaning
from gitexp.errors import Refused, UsageError
from gitexp.formats import Measure, Result
from gitexp.formats.offers import Offer, shown
from gitexp.model import BUILT_IN_METRICS, ExperimentId, Metric, Plan
from gitexp.units import BASE_UNITS, from_base_units

T = TypeVar("T")

_TAKEN_ALONG = ("time", "user", "sys", "maxrss")
"""Built-in metrics that every trial keeps, declared or not."""
_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user said of the names in the file.

    Attributes:
        select: The result that is meant.
        maps: What is called how: name in the file and metric.
    """

    select: str | None = None
    maps: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(select: str | None, maps: Sequence[str], plan: Plan) -> Wanted:
        """What was typed.

        Raises:
            UsageError: for a text that is not NAME=METRIC, or a metric the plan does not know.
        """
        known = {metric.name for metric in plan.declared} | {*_TAKEN_ALONG}
        pairs: list[tuple[str, str]] = []
        for text in maps:
            name, equals, metric = text.rpartition("=")
            if not equals or not name or not metric:
                raise UsageError(f"{text!r} maps nothing", hint="write --map NAME=METRIC")
            if metric not in known:
                raise UsageError(
                    f"the plan declares no metric {metric!r}",
                    hint=f"its metrics are {_listed(m.name for m in plan.declared)}",
                )
            if metric in (given for _, given in pairs):
                raise UsageError(
                    f"two names are mapped to {metric}", hint="one trial gives one value per metric"
                )
            pairs.append((name, metric))
        return Wanted(select=select, maps=tuple(pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Generic[T]):
    """What of the file becomes which metric.

    Attributes:
        extras: Names of what becomes none.
    """

    picks: Mapping[str, T]
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one file, in the eyes of one plan."""

    exp: ExperimentId
    plan: Plan
    wanted: Wanted
    file: str

    def selected(self, results: Sequence[Result]) -> tuple[Result, ...]:
        """The result that was selected, or all of them.

        Raises:
            Refused: if none or several are called so.
        """
        name = self.wanted.select
        if name is None:
            return tuple(results)
        found = [r for r in results if r.name == name] or [r for r in results if name in r.aliases]
        if len(found) == 1:
            return (found[0],)
        how = "has no result" if not found else f"has {len(found)} results"
        raise Refused(
            f"{self.file} {how} named {name!r}",
            hint=f"it has {_listed(r.name for r in found or results)}",
            code="no-such-result",
        )

    def are_among(self, offers: Sequence[Offer[T]]) -> bool:
        """Whether every name that was mapped is one of these."""
        known = {name for offer in offers for name in offer.names}
        return all(name in known for name, _ in self.wanted.maps)

    def choose(self, offers: Sequence[Offer[T]]) -> Choice[T]:
        """What becomes which metric: first what was mapped, then what has a metric's name.

        Raises:
            Refused: when a name that was mapped is not there, or means two things.
        """
        by_name: dict[str, list[Offer[T]]] = {}
        for offer in offers:
            for name in dict.fromkeys(offer.names):
                by_name.setdefault(name, []).append(offer)
        picks: dict[str, T] = {}
        used: list[Offer[T]] = []
        for name, metric in self.wanted.maps:
            found = by_name.get(name, [])
            if len(found) != 1:
                how = "has no" if not found else f"has {len(found)} times"
                raise Refused(
                    f"{self.file} {how} {name!r}",
                    hint=f"it has {_listed(shown(offers))}",
                    code="no-such-name",
                )
            picks[metric] = found[0].what
            used.append(found[0])
        for metric in (*(m.name for m in self.plan.declared), *_TAKEN_ALONG):
            found = by_name.get(metric, [])
            # how a trial ended is known already, and no file replaces it
            if metric not in picks and metric != "failures" and len(found) == 1:
                picks[metric] = found[0].what
                used.append(found[0])
        extras = tuple(o.names[0] for o in offers if o not in used and not o.is_alias)
        return Choice(picks=picks, extras=extras)

    def left_out(self, choice: Choice[T]) -> list[str]:
        """Warnings, when the file has more than was taken: some of it may have been meant."""
        extras = choice.extras
        if not extras:
            return []
        listed = ", ".join(name[:60] for name in extras[:6])
        more = f" and {len(extras) - 6} more" if len(extras) > 6 else ""
        missing = [m.name for m in self.plan.declared if m.name not in choice.picks]
        # a measure of one of several results: which is meant is not ours to guess
        found = [(one, name) for name in missing for one in extras if one.endswith(f":{name}")]
        return [
            f"{self.file}: the plan does not name {listed}{more}: left out",
            *(
                f"{self.file}: {name} is there: --map {shlex.quote(f'{one}={name}')} takes it"
                for one, name in found[:3]
            ),
        ]

    def refuse_without_metric(self, choice: Choice[T], has: Sequence[str]) -> None:
        """Nothing, when the file has a metric that the plan declares.

        Args:
            has: What could be one.

        Raises:
            Refused: else, with what it has and what is missing.
        """
        declared = [metric.name for metric in self.plan.declared]
        if not choice.picks.keys().isdisjoint(declared):
            return
        primary = self.plan.primary.name
        raise Refused(
            f"{self.file} has none of the metrics of {self.exp}: it has {_listed(has)}; "
            f"the plan declares {_listed(declared)}",
            hint=f"say which is meant: --map '{has[0] if has else 'NAME'}={primary}'",
            code="no-metric",
        )

    def refuse_several(self, results: Sequence[Result], choice: Choice[T]) -> None:
        """Nothing, unless it is open which of several results is meant.

        Raises:
            Refused: then, with their names.
        """
        declared = {metric.name for metric in self.plan.declared}
        if len(results) < 2 or not declared.isdisjoint(choice.picks):
            return
        first = results[0].name
        hint = f"choose one: --select '{first}'"
        if not results[0].cases:
            hint += f", or say what each is: --map '{first}={self.plan.primary.name}'"
        raise Refused(
            f"{self.file} has {len(results)} results: {_listed(r.name for r in results)}",
            hint=hint,
            code="several-results",
        )

    def check(self, metric: str, measure: Measure) -> str | None:
        """A warning, where a mapping overrules what the format says of the direction.

        Raises:
            Refused: where unit or direction contradict the plan, and nobody said it is meant.
        """
        declared = self._declared(metric)
        if declared is None:
            return None
        base = BASE_UNITS.get(declared.unit or "", (None, 1.0))[0]
        if base and measure.unit in ("s", "B") and base != measure.unit:
            raise Refused(
                f"{metric} is in {measure.unit} in {self.file}, and the plan measures it in "
                f"{declared.unit}",
                hint=f"map what is meant: --map NAME={metric}",
                code="other-unit",
            )
        if measure.direction in (None, declared.direction):
            return None
        text = (
            f"{metric} is better the {measure.direction} in {self.file}, and the plan says "
            f"{declared.direction}"
        )
        if metric in (given for _, given in self.wanted.maps):
            return f"{text}: the plan holds"
        raise Refused(
            text,
            hint=f"if the plan is right, say so: --map '{metric}={metric}'",
            code="other-direction",
        )

    def in_plan_units(self, metric: str, measure: Measure) -> Measure:
        """The measure in the unit the plan declares, where that is one of time or size."""
        declared = self._declared(metric)
        if declared is None or measure.unit not in ("s", "B"):
            return measure
        return replace(
            measure,
            value=from_base_units(measure.value, declared.unit),
            samples=tuple(from_base_units(sample, declared.unit) for sample in measure.samples),
        )

    def check_value(self, metric: str, value: float, where: str) -> None:
        """Nothing, when the plan can use the value.

        Raises:
            Refused: for a yes-or-no metric that is neither, or a ratio of what is not above 0.
        """
        check_meaning(self.plan, {metric: value}, where=f" in {where}")

    def _declared(self, metric: str) -> Metric | None:
        found = next((m for m in self.plan.declared if m.name == metric), None)
        return found or BUILT_IN_METRICS.get(metric)


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (", ".join(name[:80] for name in found[:_SHOWN]) + more) or "nothing"
