import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from trainshed.serving import metrics_page
from trainshed.serving.metrics_page import BUCKETS, Counts

ABOUT = {"model": "churn", "version": "1.1.0", "data": "da" * 32}


def read(counts: Counts) -> dict[str, Metric]:
    """Read the page as Prometheus' own parser does."""
    text = metrics_page.page(counts, **ABOUT).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(family: Metric, name: str) -> dict[tuple[str, ...], float]:
    return {tuple(one.labels.values()): one.value for one in family.samples if one.name == name}


@pytest.fixture
def counts() -> Counts:
    made = Counts()
    made.add_request(path="/predict", status=200, seconds=0.0004, rows=3)
    made.add_request(path="/predict", status=200, seconds=0.005, rows=2)
    made.add_request(path="/predict", status=422, seconds=30.0)
    made.add_request(path="/ping", status=200, seconds=0.0)
    made.log_dropped = 4
    return made


def test_requests_are_counted_by_path_and_status(counts: Counts) -> None:
    family = read(counts)["trainshed_requests"]

    assert family.type == "counter"
    assert values(family, "trainshed_requests_total") == {
        ("/ping", "200"): 1, ("/predict", "200"): 2, ("/predict", "422"): 1,
    }  # fmt: skip


def test_latency_is_a_histogram_for_each_path(counts: Counts) -> None:
    family = read(counts)["trainshed_request_seconds"]
    buckets = values(family, "trainshed_request_seconds_bucket")

    assert family.type == "histogram"
    below = [times for (path, _), times in buckets.items() if path == "/predict"]
    assert below == sorted(below)
    assert [buckets["/predict", bound] for bound in ("0.0002", "0.0005", "0.005", "10.0")] == [
        0, 1, 2, 2,
    ]  # fmt: skip
    assert buckets["/predict", "+Inf"] == 3
    assert values(family, "trainshed_request_seconds_count")["/predict",] == 3
    assert values(family, "trainshed_request_seconds_sum")["/predict",] == pytest.approx(30.0054)


def test_a_request_that_took_as_long_as_a_bound_is_within_it() -> None:
    counts = Counts()
    for bound in BUCKETS:
        counts.add_request(path="/", status=200, seconds=bound)

    buckets = values(read(counts)["trainshed_request_seconds"], "trainshed_request_seconds_bucket")

    assert list(buckets.values()) == [*range(1, len(BUCKETS) + 1), len(BUCKETS)]


def test_rows_and_what_the_log_lost_are_counted(counts: Counts) -> None:
    families = read(counts)

    assert [one.value for one in families["trainshed_rows"].samples] == [5]
    assert [one.value for one in families["trainshed_log_dropped"].samples] == [4]


def test_what_is_served_is_told(counts: Counts) -> None:
    family = read(counts)["trainshed_info"]

    assert family.type == "gauge"
    assert [(one.labels, one.value) for one in family.samples] == [(ABOUT, 1)]


def test_a_server_that_did_nothing_has_a_page_too() -> None:
    assert read(Counts()).keys() == {
        "trainshed_requests", "trainshed_request_seconds", "trainshed_rows",
        "trainshed_log_dropped", "trainshed_info",
    }  # fmt: skip


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\\n\nb", "é", "{}", "a,b=", "\ud800"])
def test_any_text_can_be_a_label(name: str) -> None:
    text = metrics_page.page(Counts(), model=name, version=None, data="").decode()

    [*_, info] = text_string_to_metric_families(text)
    assert info.samples[0].labels["model"] == name.replace("\ud800", "?")
    assert info.samples[0].labels["version"] == ""


def test_workers_are_added_up(counts: Counts) -> None:
    other = Counts()
    other.add_request(path="/predict", status=200, seconds=1.0, rows=1)
    other.add_request(path="/infer", status=200, seconds=1.0)

    both = metrics_page.total([counts, other, Counts()])

    assert both.requests["/predict", 200] == 3
    assert both.seconds["/predict"] == pytest.approx(31.0054)
    assert {path: sum(times) for path, times in both.buckets.items()} == {
        "/predict": 4, "/ping": 1, "/infer": 1,
    }  # fmt: skip
    assert (both.rows, both.log_dropped) == (6, 4)
