import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from trainshed import program, trainer
from trainshed.contract import TrainerBrokeTheContract
from trainshed.trainer import Trained, TrainerFailed, TrainerIsMissing, TrainerTookTooLong

REPORT = "echo dataset=data.csv; echo metric.f1=0.5; echo artifact=model\n"


class Training:
    """A shell program run as a trainer, and what it was heard to say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.log = folder / "train.log"

    def run(
        self,
        program: str | list[str],
        *,
        timeout: float = 60,
        tell: Callable[[str], None] | None = None,
        **variables: str,
    ) -> Trained:
        return trainer.train(
            ["sh", "-c", program] if isinstance(program, str) else program,
            data="data.csv",
            checkout=self.folder,
            variables={"PATH": os.environ["PATH"], **variables},
            log=self.log,
            timeout=timeout,
            metrics=frozenset({"f1"}),
            hint="Mend the program.",
            tell=tell or self.lines.append,
        )

    def pid(self, name: str) -> int:
        """Return the process id that a program wrote to a file."""
        return int((self.folder / name).read_text())


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path)


def test_a_trainer_is_heard_and_its_report_is_returned(training: Training) -> None:
    trained = training.run(REPORT)

    assert trained.report.dataset == "data.csv"
    assert trained.report.metrics == {"f1": 0.5}
    assert trained.report.files == {"artifact": "model"}
    assert trained.seconds > 0


def test_both_streams_pass_through_and_are_kept_in_the_log(training: Training) -> None:
    training.run(f"echo epoch 1; echo warning >&2; {REPORT}")

    assert sorted(training.lines) == sorted(training.log.read_text().splitlines())
    assert {"epoch 1", "warning", "metric.f1=0.5"} <= set(training.lines)


def test_lines_of_standard_error_are_no_contract(training: Training) -> None:
    trained = training.run(f"echo metric.f1=nonsense >&2; {REPORT}")

    assert trained.report.metrics == {"f1": 0.5}
    assert "metric.f1=nonsense" in training.lines


def test_it_runs_in_the_checkout_and_its_variables_are_its_whole_environment(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "1")

    training.run(f'pwd; echo "[$OURS$THEIRS]"; {REPORT}', THEIRS="2")

    assert training.lines[:2] == [str(training.folder.resolve()), "[2]"]


def test_it_cannot_wait_for_a_person(training: Training) -> None:
    training.run(f'read answer || echo "nobody answers"; {REPORT}')

    assert training.lines[0] == "nobody answers"


def test_a_failure_names_the_command_the_code_and_the_last_lines(training: Training) -> None:
    with pytest.raises(TrainerFailed) as caught:
        training.run("seq 1 20 >&2; exit 7")

    lines = "".join(f"\n  {number}" for number in range(6, 21))
    assert caught.value.problem == (
        f"`sh -c 'seq 1 20 >&2; exit 7'` failed with exit code 7. Its last lines:{lines}"
    )
    assert caught.value.fix == "Mend the program."


def test_a_signal_is_named(training: Training) -> None:
    with pytest.raises(TrainerFailed, match=r"was ended by the signal SIGSEGV\."):
        training.run("kill -SEGV $$")


def test_a_real_time_signal_is_told_too(training: Training) -> None:
    with pytest.raises(TrainerFailed, match=r"was ended by the signal 40\."):
        training.run("kill -40 $$")


def test_the_time_limit_ends_the_program_and_all_it_started(training: Training) -> None:
    program = "sh -c 'sh -c \"echo \\$\\$ >grandchild; sleep 600\" & wait' & echo $! >child; wait"

    with pytest.raises(TrainerTookTooLong) as caught:
        training.run(program, timeout=1)

    assert caught.value.problem.endswith(
        "` was stopped after its limit of 1 s. Its last lines:\n  (nothing)"
    )
    for name in ("child", "grandchild"):
        assert is_gone(training.pid(name))


def test_a_program_that_ignores_a_polite_end_is_ended_all_the_same(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_GRACE_SECONDS", 0.2)

    with pytest.raises(TrainerTookTooLong):
        training.run("trap '' TERM; echo $$ >pid; while :; do sleep 0.1; done", timeout=1)

    assert is_gone(training.pid("pid"))


def test_a_background_child_that_holds_the_pipe_is_ended_with_the_program(
    training: Training,
) -> None:
    trained = training.run(f"sleep 600 & echo $! >pid; {REPORT}")

    assert trained.report.metrics == {"f1": 0.5}
    assert is_gone(training.pid("pid"))


def test_a_daemon_of_its_own_session_that_holds_the_pipe_does_not_hang_it(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_GRACE_SECONDS", 0.2)
    broken: list[object] = []
    monkeypatch.setattr(threading, "excepthook", broken.append)
    daemon = "echo $$ >pid; until [ -e go ]; do sleep 0.05; done; echo late; touch said; sleep 600"

    trained = training.run(f"setsid sh -c '{daemon}' & until [ -s pid ]; do :; done; {REPORT}")

    (training.folder / "go").touch()
    await_file(training.folder / "said")
    os.killpg(training.pid("pid"), signal.SIGKILL)
    assert trained.report.metrics == {"f1": 0.5}
    assert (broken, training.lines.count("late")) == ([], 0)


def test_bytes_that_are_not_utf8_pass_through_as_a_sign(training: Training) -> None:
    trained = training.run(f"printf 'caf\\351 \\377\\n'; printf 'param.name=\\351\\n'; {REPORT}")

    assert training.lines[0] == "caf\ufffd \ufffd"
    assert trained.report.params == {"name": "\ufffd"}


def test_windows_line_ends_and_a_last_line_without_one_are_understood(training: Training) -> None:
    trained = training.run(r"printf 'dataset=data.csv\r\nmetric.f1=0.5\r\nartifact=models/a b.pkl'")

    assert trained.report.files == {"artifact": "models/a b.pkl"}


def test_a_million_lines_pass_and_none_is_lost(training: Training) -> None:
    training.run(f"{REPORT} seq 1 500000; seq 1 500000 >&2")

    assert len(training.lines) == 1_000_003
    assert training.log.read_bytes().count(b"\n") == 1_000_003


def test_a_line_that_breaks_the_contract_stops_the_program_at_once(training: Training) -> None:
    with pytest.raises(TrainerBrokeTheContract, match=r"`metric\.f1=nan` is not a finite number"):
        training.run("echo $$ >pid; echo metric.f1=nan; sleep 600; touch survived", timeout=300)

    assert is_gone(training.pid("pid"))
    assert not (training.folder / "survived").exists()


def test_a_broken_line_is_told_rather_than_the_failure_after_it(training: Training) -> None:
    with pytest.raises(TrainerBrokeTheContract, match=r"metric\.f1=high"):
        training.run("echo metric.f1=high; exit 1")


def test_a_program_that_ends_well_without_a_metric_of_the_configuration_is_refused(
    training: Training,
) -> None:
    with pytest.raises(TrainerBrokeTheContract, match=r"never printed `metric\.f1=<number>`"):
        training.run("echo dataset=data.csv; echo metric.recall=1; echo artifact=m")


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        pytest.param(["./no-such-program"], "No such file or directory", id="not-there"),
        pytest.param(["./notes.txt"], "Permission denied", id="not-executable"),
        pytest.param(["./notes.txt/train"], "Not a directory", id="below-a-file"),
        pytest.param(["./data"], "Exec format error", id="no-program-at-all"),
        pytest.param(["sh", "a\0b"], "embedded null byte", id="null-byte"),
    ],
)
def test_a_program_that_cannot_be_started_is_told(
    training: Training, argv: list[str], reason: str
) -> None:
    (training.folder / "notes.txt").write_text("")
    (training.folder / "data").write_bytes(b"\x7f\0\0\0")
    (training.folder / "data").chmod(0o755)

    with pytest.raises(TrainerIsMissing, match=rf"cannot be started: {reason}\.") as caught:
        training.run(argv)

    assert "Check `train:` in trainshed.yml" in caught.value.fix


def test_a_listener_that_breaks_ends_the_program_instead_of_blocking_it(
    training: Training,
) -> None:
    """A full disk, or `| head`: the program would wait for its reader until its time limit."""

    def refuse(line: str) -> None:
        raise BrokenPipeError(line)

    with pytest.raises(BrokenPipeError):
        training.run("echo $$ >pid; while :; do echo more; done", timeout=300, tell=refuse)

    assert is_gone(training.pid("pid"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_an_interrupted_training_leaves_no_program(
    training: Training, number: signal.Signals
) -> None:
    def interrupt(_: str) -> None:
        signal.raise_signal(number)  # it arrives in the main thread, which waits

    with pytest.raises(KeyboardInterrupt):
        training.run("echo $$ >pid; echo started; sleep 600", timeout=300, tell=interrupt)

    assert is_gone(training.pid("pid"))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def is_gone(pid: int) -> bool:
    """Tell whether a process ends soon; one that its new parent has not reaped yet has ended."""
    for _ in range(500):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def await_file(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)
