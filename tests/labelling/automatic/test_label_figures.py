"""The figures of a data set's labels, and the lines and the section that are made of them."""

from decision_lines import MODEL, autolabel, decide, manifest, say
from report_material import NASTY, Page

from pipeline.labelling.automatic.label_figures import LabelHistory, measure_labelling
from pipeline.report.labelling import labelling, list_facts
from pipeline.report.rendering import templates


def measure(decisions=(), answers=(), **columns):
    names = sorted({one.sample_id for one in decisions}) or ["a"]
    samples = manifest(names, **columns)
    return measure_labelling(LabelHistory(samples=samples, decisions=decisions, answers=answers, listed=None))


def test_nothing_where_nobody_decided():
    found = measure()
    assert found["annotators"] == found["renamed"] == found["models"] == found["conflicts"] == []
    assert labelling(found) is None
    assert list_facts(found) == []


def test_who_labelled_and_how_fast():
    lines = [decide(f"{row}", "Ada", "cat", seconds=float(row)) for row in range(1, 6)]
    lines += [decide("6", "Bo", "dog"), autolabel("7", "cat"), autolabel("8", "cat")]
    found = measure(lines)
    assert [(one["who"], one["is_model"], one["num_lines"], one["seconds"]) for one in found["annotators"]] == [
        ("Ada", False, 5, 3.0),
        (MODEL, True, 2, None),
        ("Bo", False, 1, None),
    ]
    section = labelling(found)
    assert section is not None
    assert [one.pace for one in section.annotators] == ["3.0 s", "", ""]
    assert section.models[0].text == (
        "2 samples labelled by it; its error cannot be judged, since no person has labelled a sample that was kept back"
    )
    facts = list_facts(found)
    assert facts[0] == "6 decisions on labels by 2 people"
    assert facts[1].startswith(f"Labels by the model {MODEL}: 2 samples labelled by it; ")


def test_an_audit_a_conflict_and_a_class_that_was_split():
    lines = [decide(f"k{row}", "Ada", "cat" if row else "dog", batch="audit/1") for row in range(20)]
    lines += [decide("x", "Ada", "cat"), decide("x", "Bo", "dog")]
    answers = [say(f"k{row}", "cat", batch="audit/1") for row in range(21)]
    columns = {"decision": [*["label"] * 19, "waits", "conflict"]}
    found = measure(lines, answers, **columns)
    section = labelling(found)
    assert section is not None
    assert section.models[0].text == (
        "0 samples labelled by it; 5.0 % wrong (0.1 % to 24.9 %) of 20 samples kept back and labelled by people; "
        "1 sample kept back and waiting for a person"
    )
    assert section.conflicts == ["x"]
    assert section.waiting == (
        "People differ on 1 sample, which need a further line; 1 sample of a class that was split need a label."
    )


def test_classes_with_other_names_today():
    found = measure(
        [decide(name, "Ada", "cat") for name in "abc"],
        former_labels=["kitten", "kitten", None],
        labels=[["cat"], ["cat"], ["dog"]],
        decision=[None, None, "label"],
    )
    assert found["renamed"] == [{"former": "kitten", "labels": "cat", "num": 2}]
    assert "2 samples with labels that have other names today, see `data/classes/`" in list_facts(found)


def test_people_who_follow_the_model():
    lines = [decide(f"s{row}", "Ada", "cat", seen_prediction=True) for row in range(100)]
    lines += [decide(f"b{row}", "Ada", "dog" if row % 2 else "cat", seen_prediction=False) for row in range(20)]
    answers = [say(one.sample_id, "cat") for one in lines]
    section = labelling(measure(lines, answers))
    assert section is not None
    assert section.following == (
        "People follow the model: with its prediction in sight their labels agree with it by +50.0 points (+29.6 to "
        "+70.1) compared with 20 labels without."
    )
    few = labelling(measure(lines[:105], answers))
    assert few is not None
    assert few.following.startswith("Whether people follow the model cannot be judged: 5 labels without its prediction")


def test_names_are_no_markup():
    lines = [decide("a", NASTY[0], "cat"), decide("a", NASTY[1], "dog")]
    found = measure(lines, decision=["conflict"])
    section = templates("picture").get_template("sections/labelling.html.jinja").render(labelling=labelling(found))
    page = Page(section)
    assert NASTY[0] in page.text
    assert f"{NASTY[1]} and {NASTY[0]}" not in section
    assert "Labels by people and by models" in page.text
    assert page.open == []
