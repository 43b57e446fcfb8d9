"""Reading the inference log: also while it is written, and after a kill or a power cut."""

from collections.abc import Iterator
from pathlib import Path

from trainshed.serving import log_record, log_segment
from trainshed.serving.log_record import Record
from trainshed.serving.log_segment import Segment


def read(folder: Path) -> Iterator[Record]:
    """Yield the rows of every segment in a folder and those below it, segment by segment.

    Within one they come in the order of time. A line that was cut short was never answered, and is
    passed over. A segment that was removed meanwhile, as after shipping, has no rows.

    Raises:
        LogIsOfANewerFormat: a newer Trainshed wrote it.
    """
    for segment in log_segment.segments(folder):
        yield from records(segment)


def records(segment: Segment) -> Iterator[Record]:
    """Yield the rows of one segment."""
    try:
        file = log_segment.open_file(segment)
    except FileNotFoundError:
        return
    for line in log_segment.lines(file):
        record = log_record.decode(line)
        if record is not None:
            yield record
