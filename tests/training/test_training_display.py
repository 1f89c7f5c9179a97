"""What a person sees of a training: one line an epoch, in a log too, and where it goes on."""

import re
from types import SimpleNamespace

import pytest

from pipeline.core import progress
from pipeline.training.training_display import SupervisedWords, TrainingDisplay, describe_history, display


def training(step=0, is_first=True, num_epochs=3):
    """A loop of 4 steps of 32 samples an epoch."""
    return SimpleNamespace(
        num_epochs=num_epochs,
        step=step,
        feed=SimpleNamespace(num_batches=4, size=32),
        processes=SimpleNamespace(is_first=is_first),
        optimisation=SimpleNamespace(section="train"),
    )


ROW = {"epoch": 1.0, "train_loss": 0.6842, "val_loss": 0.67, "val_accuracy": 0.769, "val_f1_macro": 0.5}
WORDS = SupervisedWords(exclusive=True)


@pytest.mark.parametrize(("exclusive", "figure"), [(True, "val accuracy 76.9 %"), (False, "val macro F1 50.0 %")])
def test_the_line_of_an_epoch(capsys, monkeypatch, exclusive, figure):
    loop, now = training(), iter([100.0, 120.0])
    monkeypatch.setattr("pipeline.training.training_display.time.monotonic", lambda: next(now))
    shown = TrainingDisplay(loop, None, [], SupervisedWords(exclusive))
    loop.step = 4  # in 20 s; 8 are left
    shown.add_epoch(ROW, 10.94)
    line = f"epoch 1/3  loss 0.684  val loss 0.670  {figure}  10.9 pictures/s  left 0:40\n"
    assert capsys.readouterr() == (line, "")


def test_the_last_epoch_has_no_time_left(capsys):
    TrainingDisplay(training(step=12), None, [], WORDS).add_epoch({**ROW, "epoch": 3.0}, 123.4)
    assert capsys.readouterr().out.endswith("val accuracy 76.9 %  123 pictures/s\n")


def test_epochs_are_aligned(capsys):
    TrainingDisplay(training(num_epochs=10), None, [], WORDS).add_epoch(ROW, 1.0)
    assert capsys.readouterr().out.startswith("epoch  1/10  loss")


def test_of_many_epochs_about_twenty_have_a_line(capsys):
    shown = TrainingDisplay(training(num_epochs=101), None, [], WORDS)
    for epoch in range(1, 102):
        shown.add_epoch({**ROW, "epoch": float(epoch)}, 1.0)
    lines = [int(line.split("/")[0].split()[1]) for line in capsys.readouterr().out.splitlines()]
    assert lines == [*range(6, 101, 6), 101]


def test_a_training_that_goes_on_says_where(capsys):
    with display(training(step=6), [ROW], WORDS) as shown:
        assert shown.figure == "  val accuracy 76.9 %"
    assert capsys.readouterr().out == "train: resuming at step 6 of 12\n"
    with display(training(), [], WORDS):
        pass
    assert capsys.readouterr().out == ""


def test_only_the_first_process_prints(capsys):
    with display(training(step=6, is_first=False), [ROW], WORDS) as shown:
        shown.add_step(0.5)
        shown.add_epoch(ROW, 1.0)
    assert capsys.readouterr() == ("", "")


def test_the_bar_shows_epoch_step_loss_and_the_figure_of_val(monkeypatch):
    states = []
    bar = SimpleNamespace(advance=lambda number, what, note: states.append((number, what, note)))
    loop = training()
    shown = TrainingDisplay(loop, bar, [], WORDS)
    loop.step = 1
    shown.add_step(0.68421)
    loop.step = 4
    shown.add_epoch(ROW, 10.0)
    loop.step = 5
    shown.add_step(0.5)
    assert states == [
        (1, "train  epoch 1/3", "loss 0.684"),
        (1, "train  epoch 2/3", "loss 0.500  val accuracy 76.9 %"),
    ]


def test_a_narrow_terminal_gets_one_row_without_the_speed(capsys, monkeypatch):
    monkeypatch.setattr("pipeline.training.training_display.terminal.width", lambda stream: 80)
    TrainingDisplay(training(), None, [], WORDS).add_epoch(ROW, 1234.5)
    line = capsys.readouterr().out
    assert len(line) <= 81
    assert not re.search("pictures/s", line)


@pytest.mark.parametrize(
    ("losses", "text"),
    [
        ([0.7], "val loss 0.700, val accuracy 76.9 %"),
        ([0.7, 0.6, 0.65], "3 epochs, best 2: val loss 0.600, val accuracy 76.9 %"),
        ([float("nan"), 0.9], "2 epochs, best 2: val loss 0.900, val accuracy 76.9 %"),
    ],
)
def test_the_epochs_in_a_clause(losses, text):
    history = [{**ROW, "epoch": float(number), "val_loss": loss} for number, loss in enumerate(losses, 1)]
    assert describe_history(history, exclusive=True) == text


def test_a_log_has_no_carriage_return(capsys):
    with display(training(), [], WORDS) as shown:
        assert shown.bar is None
        shown.add_step(0.5)
        shown.add_epoch(ROW, 10.0)
    out, err = capsys.readouterr()
    assert "\r" not in out + err
    assert not progress._screens
