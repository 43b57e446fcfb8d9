"""Show a comparison where its reader looks: all of it in a job's summary, else the answer."""

from trainshed import github, report
from trainshed.comparison import Comparison
from trainshed.settings import settings


def show(compared: Comparison) -> None:
    in_summary = settings().github_step_summary is not None
    github.append_summary(report.summary(compared) if in_summary else report.brief(compared))
