"""Whether a hypothesis can be tested as it is worded. Only ever a warning."""

from __future__ import annotations

import re

EXAMPLE = "for example: 'caching the parse tree makes start-up 15 % faster'"
_SIZE = re.compile(r"\d")
_TIMES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:x|×|times|-fold|fold)\b", re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent)", re.IGNORECASE)
_NO_REGRESSION = re.compile(
    r"\b(no|not|without|never|same|equal|unchanged|keeps?)\b", re.IGNORECASE
)
_FAR_FETCHED = 20.0


def hypothesis_warnings(text: str) -> tuple[str, ...]:
    """What keeps the hypothesis from being specific, measurable and realistic; often nothing.

    >>> hypothesis_warnings("Parallel agents save 15min per PR")
    ()
    >>> len(hypothesis_warnings("Make things faster"))
    1
    """
    warnings = []
    words = re.findall(r"[^\W\d_]{2,}", text)
    if len(words) < 3:
        warnings.append(f"the hypothesis does not say what is changed: {EXAMPLE}")
    if not _SIZE.search(text) and not _NO_REGRESSION.search(text):
        warnings.append(f"the hypothesis names no size, so no result can refute it: {EXAMPLE}")
    factors = [float(number) for number in _TIMES.findall(text)]
    shares = [float(number) for number in _PERCENT.findall(text)]
    if any(factor >= _FAR_FETCHED for factor in factors) or any(s >= 2000 for s in shares):
        warnings.append(f"the hypothesis asks for a size hardly any change reaches: {EXAMPLE}")
    return tuple(warnings)
