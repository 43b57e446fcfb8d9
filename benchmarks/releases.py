"""Reconcile with nothing to do among many releases, and a rollback from the deleted tag on."""

import subprocess
import time

from benchmarks import journey
from benchmarks.harness import Context, Measurement, benchmark, seconds
from trainshed import git, ledger, manifest, project
from trainshed.origin import Origin
from trainshed.settings import settings
from trainshed.tags import Tag, Version

_GTO = ["gto==1.10.1"]
_RELEASES = 2_000
_TAGGER = "Bench <bench@example.org> 1700000000 +0000"


@benchmark("reconcile.noop", unit="s", aim=0.25, better="lower")
def noop(context: Context) -> Measurement:
    """Nothing to do among 2,000 releases. Beside it, `gto show` and `git for-each-ref`.

    Clone and origin are packed first, for everybody: what comes by fetch is, and `git gc` does it.
    """
    made = journey.prepare(context.scratch)
    context.tell("releasing and deploying once")
    made.script("release")
    made.script("deploy", "run", "--forward")
    try:
        context.tell(f"writing {_RELEASES:,} tags and their ledger records")
        _older_releases(made)
        for folder in (made.clone, made.clone.with_name("origin.git")):
            seconds(["git", "gc", "--quiet"], folder=folder)
        made.script("deploy", "run")
        contestants = {
            "trainshed": lambda: made.script("deploy", "run"),
            "git for-each-ref": lambda: seconds(
                ["git", "for-each-ref", "--format=%(refname) %(contents)", "refs/tags"],
                folder=made.clone,
            ),
        }
        programs = context.rival("gto", _GTO)
        if programs is not None:
            contestants = {
                "trainshed": contestants["trainshed"],
                "gto show": lambda: seconds([programs / "gto", "show"], folder=made.clone),
                "git for-each-ref": contestants["git for-each-ref"],
            }
        found = context.medians(contestants)
    finally:
        made.stop()
    return Measurement(value=found.pop("trainshed"), peers=found)


@benchmark("rollback.process", unit="s", aim=2.0, better="lower")
def rollback_process(context: Context) -> Measurement:
    """From `git push --delete` to the previous version answering, target process."""
    return _rollback(context, journey.prepare(context.scratch))


@benchmark("rollback.docker", unit="s", aim=2.0, better="lower")
def rollback_docker(context: Context) -> Measurement:
    """From `git push --delete` to the previous version answering, its image on the host."""
    return _rollback(context, journey.prepare(context.scratch, registry=settings().registry))


def _rollback(context: Context, made: journey.Journey) -> Measurement:
    repository = git.Repository(made.clone)
    try:
        for data in ("data/v1", "data/v2"):
            context.tell(f"releasing and deploying with {data}")
            if data == "data/v2":
                made.commit("trainshed.yml", "data/v1", data)
            made.script("release")
            made.script("deploy", "run", "--forward")

        def roll_back() -> float:
            made.seconds_until("churn@v1.1.0", time.perf_counter())
            start = time.perf_counter()
            repository.run("push", "--quiet", "--delete", "origin", "churn@v1.1.0")
            running = made.start("deploy", "run")
            took = made.seconds_until("churn@v1.0.0", start)
            running.wait()
            made.script("deploy", "revert", "--unrevert", "churn@v1.1.0", "--reason", "again")
            return took

        found = context.medians({"trainshed": roll_back})
    finally:
        made.stop()
    return Measurement(value=found["trainshed"])


def _older_releases(made: journey.Journey) -> None:
    """Write standing releases with smaller sequence numbers than the one that is live."""
    here = project.open_at(made.clone)
    origin = Origin(here.repository)
    world = origin.read()
    live = next(iter(world.ledger.releases.values())).manifest
    records: dict[str, object] = {}
    refs = {}
    for number in range(_RELEASES):
        tag = Tag("churn", Version(0, 1, number))
        one = manifest.Manifest(
            model="churn", version=str(tag.version), sequence=number - _RELEASES,
            commit=live.commit, run_id=f"{number:064x}", dataset=live.dataset,
            artifact=live.artifact, metrics=live.metrics, gate=live.gate, released=live.released,
        )  # fmt: skip
        oid = origin.make_tag(tag, commit=live.commit, tagger=_TAGGER, message=one.to_json())
        records.update(
            ledger.release_records(ledger.Release(manifest=one, tag_object=oid, tagger=_TAGGER))
        )
        refs[tag.ref] = oid
    commit = ledger.commit(here.repository, world.ledger_commit, records, message="Many\n")
    updates = "".join(f"create {ref} {oid}\n" for ref, oid in refs.items())
    here.repository.run("update-ref", "--stdin", stdin=updates.encode())
    subprocess.run(
        ["git", "push", "--quiet", "origin", "--tags", f"{commit}:refs/heads/{ledger.BRANCH}"],
        cwd=made.clone, check=True,
    )  # fmt: skip
