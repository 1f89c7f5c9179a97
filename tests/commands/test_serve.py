"""colibri serve: options that are refused before a model is loaded."""

import pytest

from pipeline.commands import serve
from pipeline.commands.main import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-seconds", "inf"], "--max-seconds must be above 0 and at most 86400, got inf"),
        (["--max-seconds", "nan"], "--max-seconds must be above 0 and at most 86400, got nan"),
        (["--max-seconds", "0"], "--max-seconds must be above 0 and at most 86400, got 0"),
        (["--poll", "inf"], "--poll must be from 0 to 86400, got inf"),
        (["--poll", "-1"], "--poll must be from 0 to 86400, got -1"),
        (["--max-pictures", "0"], "--max-pictures must be above 0, got 0"),
    ],
)
def test_times_without_end_and_numbers_of_nothing(words, message, monkeypatch, capsys):
    monkeypatch.setattr(serve, "serve", None)
    monkeypatch.setattr(serve, "check_port", lambda port, option, host: None)
    with pytest.raises(SystemExit) as ended:
        main(["serve", *words])
    assert ended.value.code == 1
    assert capsys.readouterr().err.strip() == f"colibri serve: {message}"
