from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from trainshed import dataset
from trainshed.serving import digest

NAMES = st.sampled_from(["a", "a.b", "a/b", "b/a", "b/a-c", "B", "é", ".hidden", "c/d/e", "c/d.e"])


@given(files=st.dictionaries(NAMES, st.binary(min_size=1, max_size=20), min_size=1))
def test_a_folder_has_the_digest_that_the_run_store_gives_it(
    tmp_path_factory, files: dict[str, bytes]
) -> None:
    folder: Path = tmp_path_factory.mktemp("artifact")
    for name, content in files.items():
        path = folder / name
        if not path.is_dir() and not path.parent.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    assert digest.of(folder) == dataset.digest(folder).sha256


def test_a_file_has_the_digest_that_the_run_store_gives_it(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"weights")

    assert digest.of(path) == dataset.digest(path).sha256
