"""The run of a live release, with its files: what a candidate's rows are compared with.

It is looked for where it is cheapest: in the run store, in the release's image, and at last it is
trained again. What is found counts only when it is what the release's manifest promised.
"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from trainshed import engine, image_run, locks
from trainshed.errors import TrainshedError
from trainshed.image_run import ImageHoldsNoRun
from trainshed.manifest import Manifest
from trainshed.run import Run
from trainshed.training import Outcome, Trainings

Tell = Callable[[str], None]
Found = tuple[Outcome | None, str]
"""A run; or None and why there is none, a clause for a reader."""


def find(manifest: Manifest, *, trainings: Trainings, tell: Tell) -> Found:
    """Return the run of a release, or None and the reason in one sentence.

    Nothing is an error here: a pull request from a fork has no credentials for a registry, and a
    job may be one that trains nothing. Where columns are private, a run that comes out of an image
    lacks them.
    """
    kept = _kept(manifest, trainings)
    if kept is not None:
        return kept, ""
    taken, no_image = _from_image(manifest, trainings, tell)
    if taken is not None:
        return taken, ""
    trained, not_trained = _trained(manifest, trainings, tell)
    return trained, "" if trained is not None else f"{no_image}, and {not_trained}"


def _kept(manifest: Manifest, trainings: Trainings) -> Outcome | None:
    """Return the run as the store has it, or as it was taken out of the image before."""
    store, began = trainings.store, time.monotonic()
    stored = store.find(manifest.run_id)
    if stored is not None and _is_promised(stored, manifest):
        return _outcome(stored, store.folder(stored.run_id), began, commit=manifest.commit)
    folder = _place(manifest, trainings)
    try:
        if _is_promised(image_run.record(folder), manifest):
            return _outcome(image_run.read(folder), folder, began, commit=manifest.commit)
    except (OSError, ValueError, ImageHoldsNoRun):
        return None
    return None


def _from_image(manifest: Manifest, trainings: Trainings, tell: Tell) -> Found:
    if manifest.image is None:
        return None, "it has no image"
    if not engine.is_there():
        return None, "no container engine is here to look into its image"
    waiting = f"another process looks into the image of {manifest.tag}: waiting for it"
    lock = trainings.project.state / "locks" / f"image-{manifest.run_id}"
    try:
        with locks.held(lock, waiting=lambda: tell(waiting)):
            kept = _kept(manifest, trainings) or _taken(manifest, manifest.image, trainings, tell)
    except ImageHoldsNoRun as error:
        tell(error.problem)
        return None, "its image does not hold its run"
    except TrainshedError as error:
        tell(error.problem)
        return None, "its image cannot be pulled here"
    return kept, "" if kept is not None else "its image holds another run than its manifest names"


def _taken(manifest: Manifest, reference: str, trainings: Trainings, tell: Tell) -> Outcome | None:
    began = time.monotonic()
    with trainings.store.scratch() as files:
        image_run.take(engine.connect(), reference, files, tell=tell)
        if not _is_promised(image_run.record(files), manifest):
            return None
        folder = _keep(files, manifest, trainings)
    return _outcome(image_run.read(folder), folder, began, commit=manifest.commit)


def _keep(files: Path, manifest: Manifest, trainings: Trainings) -> Path:
    """Move a run that is what its manifest says to where the next one finds it.

    The store takes what is whole, when it has no run of that id: another one, trained anew with
    other answers, may be in use.
    """
    store = trainings.store
    made = image_run.record(files)
    if image_run.read(files) == made and store.find(made.run_id) is None:
        store.put(made, files=files)
        return store.folder(made.run_id)
    place = _place(manifest, trainings)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    os.rename(files, place)  # noqa: PTH104
    return place


def _place(manifest: Manifest, trainings: Trainings) -> Path:
    """Return where a run lies that the store cannot take."""
    return trainings.project.state / "releases" / manifest.run_id


def _trained(manifest: Manifest, trainings: Trainings, tell: Tell) -> Found:
    if not trainings.may_train:
        return None, "this job trains nothing"
    try:
        plan = trainings.plan(manifest.commit, manifest.model)
        if plan.run_id != manifest.run_id:
            return None, _why_another(manifest, plan.ingredients.python)
        outcome = trainings.train_or_find(manifest.commit, manifest.model)
    except TrainshedError as error:
        tell(str(error))
        return None, "it cannot be trained again"
    run = outcome.run
    is_same = manifest.predictions is not None and _predictions(run) == manifest.predictions
    if is_same or run.artifact.digest == manifest.artifact:
        return outcome, ""
    return None, "trained again it answers differently: its training is not deterministic"


def _why_another(manifest: Manifest, python: str) -> str:
    if manifest.python not in {None, python}:
        return f"it was trained with Python {manifest.python}, which is {python} here"
    return f"its commit gives another run here, where Python is {python}"


def _is_promised(run: Run, manifest: Manifest) -> bool:
    return (
        run.run_id == manifest.run_id
        and run.artifact.digest == manifest.artifact
        and _predictions(run) == manifest.predictions
    )


def _predictions(run: Run) -> str | None:
    return run.predictions.digest if run.predictions is not None else None


def _outcome(run: Run, folder: Path, began: float, *, commit: str) -> Outcome:
    seconds = time.monotonic() - began
    return Outcome(run=run, folder=folder, was_found=True, seconds=seconds, asked=commit)
