import json
from dataclasses import asdict, replace

import pytest
from goldens import Golden
from hypothesis import given
from hypothesis import strategies as st
from records import MANIFEST, V1, manifest

from trainshed import manifest as manifests
from trainshed.manifest import Data, Gate, Manifest, ManifestIsMalformed, ManifestIsTooLarge

TAG = MANIFEST.tag
DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MANIFESTS = st.builds(
    Manifest,
    model=st.sampled_from(["churn", "life-time"]),
    version=st.from_regex(r"(0|[1-9][0-9]?)\.(0|[1-9])\.(0|[1-9])", fullmatch=True),
    sequence=st.integers(1, 10**9),
    commit=st.from_regex(r"[0-9a-f]{40}", fullmatch=True),
    run_id=DIGESTS,
    dataset=st.builds(Data, path=TEXTS, digest=DIGESTS),
    artifact=DIGESTS,
    metrics=st.dictionaries(TEXTS, NUMBERS),
    gate=st.builds(Gate, verdict=TEXTS, baseline=st.none() | TEXTS),
    released=TEXTS,
    schema=st.none() | DIGESTS,
    image=st.none() | TEXTS,
    skipped=st.lists(DIGESTS, max_size=3).map(tuple),
)


def changed(**changes: object) -> str:
    """The JSON of a manifest, with keys replaced; a key of None is left out."""
    content = {**json.loads(MANIFEST.to_json()), **changes}
    return json.dumps({key: value for key, value in content.items() if value is not None})


@given(MANIFESTS)
def test_a_manifest_is_the_same_after_its_tags_message(one: Manifest) -> None:
    text = one.to_json()

    assert manifests.parse(text, tag=one.tag) == one
    assert manifests.parse(text.encode(), tag=one.tag) == one
    assert manifests.parse(text, tag=one.tag).to_json() == text


def test_the_bytes_of_a_manifest_never_change(golden: Golden) -> None:
    """The tag's id is their hash: a release that was brought back must have the same."""
    golden(MANIFEST.to_json(), "manifest/whole.json")


def test_what_a_release_has_not_is_left_out(golden: Golden) -> None:
    bare = replace(MANIFEST, schema=None, examples=None, python=None, skipped=())

    golden(replace(bare, gate=Gate(verdict="pass", baseline=None)).to_json(), "manifest/bare.json")


def test_a_manifest_names_its_tag() -> None:
    assert str(MANIFEST.tag) == "churn@v1.4.0"


def test_a_key_that_a_newer_writer_added_is_left_alone() -> None:
    assert manifests.parse(changed(colour="red"), tag=TAG) == MANIFEST


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "is not a manifest", id="empty"),
        pytest.param("Release 1.4.0\n", "is not a manifest", id="prose"),
        pytest.param("{", "is not a manifest", id="broken-json"),
        pytest.param("[]", "is not a manifest", id="a-list"),
        pytest.param(b"\xff\xfe", "is not a manifest", id="no-utf-8"),
        pytest.param("[" * 10_000, "is not a manifest", id="nested-without-end"),
        pytest.param(changed(run_id=None), r"run_id: Field required", id="without-its-run"),
        pytest.param(changed(dataset={"path": "a"}), r"dataset/digest", id="half-a-dataset"),
        pytest.param(changed(sequence="last"), r"sequence: .*integer", id="an-odd-sequence"),
        pytest.param(changed(metrics={"f1": "good"}), r"metrics/f1", id="an-odd-metric"),
        pytest.param(changed(version="1.4"), "is not a manifest", id="an-odd-version"),
        pytest.param(changed(model="Churn"), "is not a manifest", id="an-odd-model"),
        pytest.param(
            changed(model="lifetime"), r"is the manifest of lifetime@v1\.4\.0", id="another-model"
        ),
        pytest.param(
            changed(version="1.5.0"), r"is the manifest of churn@v1\.5\.0", id="another-version"
        ),
        pytest.param(changed(format=2), "has format 2, newer than", id="a-newer-format"),
    ],
)
def test_a_message_that_is_no_manifest_of_its_tag_is_refused(text: str | bytes, told: str) -> None:
    with pytest.raises(ManifestIsMalformed, match=rf"tag churn@v1\.4\.0 .*{told}") as raised:
        manifests.parse(text, tag=TAG)

    assert "\n" not in raised.value.problem
    assert "scripts/release.py" in raised.value.fix


@given(st.text() | st.binary())
def test_no_message_does_anything_but_parse_or_be_malformed(text: str | bytes) -> None:
    with pytest.raises(ManifestIsMalformed):
        manifests.parse(text, tag=TAG)


def test_a_manifest_that_a_tag_can_hold_is_let_through_and_a_larger_one_is_not() -> None:
    room = manifests.MOST_BYTES - len(manifest(python="").to_json().encode())
    fits = manifest(python="é" * (room // 2) + "." * (room % 2))
    manifests.require_size(fits)

    with pytest.raises(ManifestIsTooLarge, match="has 64001 bytes; a tag's message holds 64000"):
        manifests.require_size(replace(fits, python=f"{fits.python}."))


def test_even_two_hundred_metrics_and_skipped_commits_fit() -> None:
    many = {f"recall.class-{number}": number / 7 for number in range(200)}
    skipped = tuple(f"{number:040x}" for number in range(200))

    manifests.require_size(manifest(metrics=many, skipped=skipped))


def test_every_digest_of_the_run_is_kept() -> None:
    kept = asdict(manifests.parse(MANIFEST.to_json(), tag=TAG))

    assert (kept["dataset"]["digest"], kept["artifact"]) == (V1, "f1" * 32)
