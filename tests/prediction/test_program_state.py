"""What another program is."""

from dataclasses import replace

from pipeline.prediction import program_state
from pipeline.prediction.program_state import program_digest


def test_another_version_of_a_library_is_another_program(classifier, monkeypatch):
    first = program_digest(classifier)
    assert program_digest(classifier) == first
    assert len(first) == 32
    original = program_state.installed
    monkeypatch.setattr(program_state, "installed", lambda name: original(name) + (".1" if name == "torch" else ""))
    assert program_digest(classifier) != first


def test_the_code_of_the_model_and_of_prediction_is_in_it(classifier, monkeypatch):
    seen = []
    monkeypatch.setattr(program_state, "code_digest", lambda modules: seen.append([one.name for one in modules]) or "x")
    card = {**classifier.card, "transform": {"_target_": "pipeline.prediction.gallery.Group"}}
    program_digest(replace(classifier, card=card))
    assert seen[0][:2] == ["tables.py", "classifier.py"]
    assert "gallery.py" in seen[0]
    assert len(seen[0]) == len(set(seen[0])) >= 4
