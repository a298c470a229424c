import logging

import pytest

from kclip.console.lines import LOGGER, is_quiet, shown_lines
from kclip.console.progress import ProgressBar, keras_verbosity


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (logging.DEBUG, ["detail", "step", "left out"]),
        (logging.INFO, ["step", "left out"]),
        (logging.WARNING, ["left out"]),
    ],
)
def test_lines_of_a_level_go_to_stderr_once(level, shown, capsys):
    with shown_lines(level):
        LOGGER.debug("detail")
        LOGGER.info("step")
        LOGGER.warning("left out")
    assert capsys.readouterr() == ("", "".join(f"{line}\n" for line in shown))


def test_the_logger_is_as_before_afterwards():
    before = (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers))
    with pytest.raises(ValueError), shown_lines(logging.ERROR):
        raise ValueError
    assert (LOGGER.level, LOGGER.propagate, list(LOGGER.handlers)) == before


def test_quiet_turns_off_bars_and_keras(capsys, monkeypatch):
    with shown_lines(logging.WARNING):
        assert is_quiet() and keras_verbosity() == 0
        assert list(ProgressBar(range(3))) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    with shown_lines(logging.INFO):
        assert not is_quiet() and keras_verbosity() == 2  # captured output is no terminal
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        assert keras_verbosity() == 1
        assert list(ProgressBar(range(3), desc="Work")) == [0, 1, 2]
    assert "Work: 100%" in capsys.readouterr().err


def test_a_bar_that_is_left_out_stays_out(capsys):
    with shown_lines(logging.INFO):
        list(ProgressBar(range(3), disable=True))
    assert capsys.readouterr().err == ""


def test_lines_do_nothing_to_a_terminal(capsys):
    with shown_lines(logging.INFO):
        LOGGER.warning("left out: a\x1b[2J\x9b.png\nand more")
    assert capsys.readouterr().err == "left out: a\\x1b[2J\\x9b.png\nand more\n"
