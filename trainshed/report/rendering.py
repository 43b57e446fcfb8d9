"""The templates of a report, with the filters that escape and shorten."""

from functools import cache
from typing import Any

from trainshed import templating
from trainshed.report import escaping, metric_table, numbers


def render(name: str, /, **values: Any) -> str:
    """Render a template of ours."""
    rendered: str = _template(name).render(**values)
    return rendered


@cache
def _template(name: str) -> Any:
    environment = _environment()
    return environment.get_template(name)


@cache
def _environment() -> Any:
    return templating.environment(
        text=escaping.text,
        brief=escaping.brief,
        code=escaping.code,
        block=escaping.block,
        number=numbers.number,
        change_within=numbers.change_within,
        percent=numbers.percent,
        p_value=numbers.p_value,
        count=numbers.count,
        be=numbers.be,
        listed=_listed,
        sign=metric_table.SIGNS.__getitem__,
        test=_TESTS.__getitem__,
        sign_of_slice=_SLICES.__getitem__,
    )


_SLICES = {"worse": " 🔴", "better": " 🟢", "undecided": ""}
_TESTS = {
    None: "–",
    "kolmogorov-smirnov": "Kolmogorov–Smirnov",
    "chi-square": "chi-square",
    "fisher": "Fisher",
}
_MOST_LISTED = 10


def _listed(values: Any) -> str:
    """Join foreign names, escaped; of many, the first ones."""
    names = list(values)
    more = len(names) - _MOST_LISTED
    shown = ", ".join(escaping.brief(one) for one in names[:_MOST_LISTED])
    return f"{shown} and {more} more" if more > 0 else shown
