"""Every section says what the artifacts say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_material import CASES, Page, build, entry, measure_decisions

from pipeline.core.decision_rule import Rule
from pipeline.core.estimate import Estimate
from pipeline.report.co_occurrence import co_occurrence
from pipeline.report.confidence import limit_of
from pipeline.report.confusion import confusion_table
from pipeline.report.data import UNLABELLED
from pipeline.report.formatting import figure
from pipeline.report.metric_tables import tables
from pipeline.report.page import content, read_slices, render, worst_mistakes
from pipeline.report.pictures import data_uri, encode_png, to_image
from pipeline.report.provenance import model_facts, provenance


def test_headline_and_table_say_what_the_metrics_say():
    text = Page(render(build())).text
    assert "Of 100 new pictures, the model gets 80 right (between 61 and 92)." in text
    assert "On test: 40 pictures from 8 independent groups." in text
    assert "It does better than always predicting \u201ccat\u201d (50.0 % right)." in text.replace("\u00a0", " ")
    assert "80.5 %61.5 to 92.5 %" in text
    assert "71.9 %47.1 to 87.4 %" in text


def test_only_perfection_is_called_a_hundred_of_a_hundred():
    material = build()
    almost = replace(material, metrics={"accuracy": entry(0.997, 0.99, 1.0)})
    assert "the model gets 99.7 right (between 99 and 100)" in Page(render(almost)).text
    perfect = replace(material, metrics={"accuracy": entry(1.0, 1.0, 1.0)})
    assert "the model gets 100 right (between 100 and 100)" in Page(render(perfect)).text


def test_what_is_undefined_is_a_dash_with_a_reason():
    text = Page(render(build())).text
    assert "\u2013undefined on these pictures" in text
    assert "\u2013undefined: no such picture in test" in text


def test_no_metric_at_all():
    text = Page(render(replace(build(), metrics={}))).text
    assert "No metric was chosen" in text


def test_another_leading_metric_than_accuracy():
    material = replace(build(), metrics={"f1_macro": entry(0.7, 0.6, 0.8)})
    assert "has a macro F1 of 70.0 % (60.0 to 80.0 %)" in Page(render(material)).text


def test_a_metric_off_the_axis_is_a_number_without_a_dot():
    material = replace(build(), metrics={"accuracy": entry(0.7, 0.6, 0.8), "own_loss": entry(1.25, 1.1, 1.4)})
    html = render(material)
    assert "<b>1.25</b>" in html
    assert "1.1 to 1.4" in html
    assert "125.00%" not in html


def test_the_best_epoch_is_the_one_with_the_lowest_val_loss():
    text = Page(render(build(epochs=5))).text
    assert "Of 5 epochs, epoch 2 had the lowest loss on val" in text


def test_no_epochs_no_curves():
    text = Page(render(replace(build(), curves=pd.DataFrame()))).text
    assert "not trained epoch by epoch" in text


def test_a_loss_that_is_not_finite_breaks_the_curve_only():
    material = build(epochs=5)
    material.curves.loc[2, "val_loss"] = np.nan
    assert "epoch 2 had the lowest loss" in Page(render(material)).text


def test_the_confusion_matrix_counts():
    material = build()
    found = content(material)["confusion"]
    assert [[cell.count for cell in row.cells] for row in found.rows] == [[17, 3], [3, 17]]
    assert found.rows[0].cells[1].share == pytest.approx(3 / 20)
    assert "3 of 20 \u201ccat\u201d were predicted as \u201cdog\u201d" in Page(render(material)).text


def test_many_classes_show_the_most_confused_ones_and_say_so():
    material = build(**CASES["a hundred classes"])
    found = content(material)["confusion"]
    assert len(found.names) == 30
    for row in found.rows:
        assert sum(cell.count for cell in row.cells) + row.others.count == row.size
    assert "Of 100 classes the 30 most confused ones are shown" in Page(render(material)).text


def test_several_labels_have_a_tally_instead_of_a_matrix():
    material = build(**CASES["several labels"])
    shown = content(material)
    assert shown["confusion"] is None
    first = shown["tallies"][0]
    missed = sum(first.name in labels for labels in material.predictions["labels"][:6])
    assert (first.missed, first.wrongly) == (missed, 0)
    text = Page(render(material)).text
    assert "Labels found, missed and wrongly predicted" in text
    assert "exactly right" in text


def test_each_class_of_several_shows_its_threshold():
    material = build(**CASES["several labels"])
    by_aim = {one.name: one.threshold for one in content(material)["tallies"]}
    assert by_aim == {"cat": "40.0\u00a0%", "dog": "50.0\u00a0%", "fox": "50.0\u00a0%"}  # the policy has one for cat
    trained = measure_decisions(material.predictions, ["cat", "dog", "fox"], several=True, rule=Rule())
    material = replace(material, decisions=trained)
    assert {one.threshold for one in content(material)["tallies"]} == {"\u2013"}
    card = material.card | {"task": {"thresholds": [0.25, 0.5, 0.125]}}
    shown = {one.name: one.threshold for one in content(replace(material, card=card))["tallies"]}
    assert shown == {"cat": "25.0\u00a0%", "dog": "50.0\u00a0%", "fox": "12.5\u00a0%"}


def test_balance_has_a_row_for_each_split_and_each_attribute():
    material = build(classes=["cat", "dog", "fox"])
    manifest = material.manifest.assign(
        attr_site=np.where(material.manifest["labels"].map(lambda x: x == ["fox"]), "den", "house")
    )
    found = content(replace(material, manifest=manifest))["balance"]
    assert [row["part"] for row in found.rows] == ["split train", "split val", "split test", "site den", "site house"]
    text = Page(render(replace(material, manifest=manifest))).text
    assert "the number of equally large classes with the same entropy, at most 3" in text
    assert "site den3911.01.0fox100.0 %fox39 pictures" in text
    assert "split train4033.01.1cat35.0 %fox13 pictures" in text


def test_labels_that_come_together_are_counted():
    manifest = pd.DataFrame({"labels": [["cat", "dog"], ["dog"], ["cat", "dog"], [], ["fox"], ["dog"]]})
    found = co_occurrence(manifest)
    assert (found.names, found.left_out) == (["dog", "cat", "fox"], 0)
    assert (found.num_several, found.num_labelled) == (2, 5)
    dog, cat, fox = found.rows
    assert (dog.size, cat.size, fox.size) == (4, 2, 1)
    assert [(one.count, one.share) if one else None for one in dog.cells] == [None, (2, 0.5), (0, 0.0)]
    assert [(one.count, one.share) if one else None for one in cat.cells] == [(2, 1.0), None, (0, 0.0)]
    assert co_occurrence(pd.DataFrame({"labels": [["cat"], [], ["dog"]]})) is None
    assert "Labels on the same picture" in Page(render(build(**CASES["several labels"]))).text
    assert "Labels on the same picture" not in Page(render(build())).text


def test_many_labels_show_the_largest():
    manifest = pd.DataFrame({"labels": [[f"l{number:02d}" for number in range(size)] for size in range(1, 21)]})
    found = co_occurrence(manifest)
    assert (found.names, found.left_out) == ([f"l{number:02d}" for number in range(12)], 8)
    assert len(found.rows[0].cells) == 12


def test_pairs_of_true_and_predicted_labels():
    pairs = {
        (("a",), ("a",)): [("a", "a")],
        (("a",), ("b",)): [("a", "b")],
        (("a", "b"), ("a", "c")): [("a", "a"), ("b", "c")],
        (("a", "b"), ("c",)): [("a", "(none)"), ("b", "(none)"), ("(none)", "c")],
        (("a",), ("a", "b")): [("a", "a"), ("(none)", "b")],
        (("a",), ()): [("a", "(none)")],
        ((), ()): [("(none)", "(none)")],
    }
    for (labels, decided), expected in pairs.items():
        found = confusion_table(pd.DataFrame({"labels": [list(labels)], "decided": [list(decided)]}))
        assert list(found.itertuples(index=False, name=None)) == expected
        assert list(found) == ["actual", "predicted"]


def test_a_figure_that_counts_mistakes_leads_nowhere():
    material = replace(build(), metrics={"hamming_loss": entry(0.1, 0.05, 0.2), "f1_macro": entry(0.7, 0.6, 0.8)})
    text = Page(render(material)).text
    assert "has a macro F1 of 70.0 %" in text
    assert "higher is better unless a figure says otherwise." in text
    assert "share of wrong decisions over all labels of all pictures; lower is better" in text
    only = replace(material, metrics={"hamming_loss": entry(0.1, 0.05, 0.2)})
    assert "has a Hamming loss of 10.0 %" in Page(render(only)).text


def test_mistakes_of_several_labels_come_by_what_was_decided_wrongly():
    labels, scores = [["a"], ["a"], [], ["a", "b"]], [[0.9, 0.8], [0.4, 0.1], [0.1, 0.95], [0.9, 0.9]]
    decided = [["a", "b"], [], ["b"], ["a", "b"]]  # b given with 0.8, a missed with 0.4, b given with 0.95, right
    table = pd.DataFrame({"sample_id": list("wxyz"), "split": "test", "group": list("wxyz"), "labels": labels})
    found = worst_mistakes(table.assign(decided=decided, scores=scores), ["a", "b"], 9)
    assert found["sample_id"].tolist() == ["y", "w", "x"]
    assert found["given"].tolist() == [0.0, 0.9, 0.4]


def test_scores_are_counted_in_tenths():
    found = content(build())["decisions"]
    assert sum(one.count for one in found.before) == sum(one.count for one in found.after) == 40
    assert sum(one.count * one.right for one in found.after) == pytest.approx(20)
    text = Page(render(build())).text
    assert text.count("Calibration of the scores") == 2  # the section, and the link to it
    assert "it is right for 50.0" in text


NO_RULE = {"thresholds": None, "costs": None}


@pytest.mark.parametrize(
    ("rule", "limits"),
    [
        (NO_RULE, (0.5, 0.5)),
        ({**NO_RULE, "thresholds": [0.3, None]}, (0.3, 0.7)),
        ({**NO_RULE, "thresholds": [None, 0.9]}, (pytest.approx(0.1), 0.9)),
        ({**NO_RULE, "costs": [[0, 10], [1, 0]]}, (pytest.approx(1 / 11), pytest.approx(10 / 11))),  # to miss costs 10
        ({**NO_RULE, "costs": [[0, 0], [0, 0]]}, (0.5, 0.5)),
    ],
)
def test_the_histogram_marks_the_score_from_which_a_class_is_decided(rule, limits):
    assert (limit_of(rule, 0), limit_of(rule, 1)) == limits
    costs = None if rule["costs"] is None else tuple(map(tuple, rule["costs"]))
    thresholds = None if rule["thresholds"] is None else tuple(rule["thresholds"])
    for score in {limits[0].expected if hasattr(limits[0], "expected") else limits[0]} - {0.5}:
        scores = np.array([[score + 0.01, 0.99 - score], [score - 0.01, 1.01 - score]])
        decided = Rule(thresholds=thresholds, costs=costs).decide(scores, True)
        assert decided[:, 0].tolist() == [True, False]


def test_the_page_marks_the_threshold_in_force():
    assert "on the right of the dashed line at 40.0" in Page(render(build())).text


def test_slices_come_worst_first_and_the_weak_ones_are_marked():
    shown = content(build())["slices"]
    assert [(one.value, one.beyond) for one in shown.rows] == [("cat", "below"), ("fine", "")]
    assert shown.small == [("site", "NA", 3)]
    text = Page(render(build())).text
    assert "The model is weaker on 1 slice of test than on the rest" in text
    assert "2 slices of at least 20 pictures were compared with the rest" in text
    assert "weaker than the rest (p = 0.002)" in text
    assert "would be found at 60.0 % or less" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "found only 20 points or more below the overall accuracy, so smaller gaps may exist" in text
    assert "too few for a figure: site = NA (3)." in text
    assert "Test cannot be divided into slices" in Page(render(build(slices=False))).text


def test_nothing_found_says_whether_anything_could_have_been():
    material = build()
    calm = replace(material, slices=material.slices[1:2])
    assert "No slice of test is shown to be weaker than the rest (" in Page(render(calm)).text
    unknown = calm.slices.assign(found_from=np.nan, verdict="cannot be judged")
    text = Page(render(replace(material, slices=unknown))).text
    assert "Whether the model is weaker on a slice of test cannot be judged" in text
    assert "1 slice cannot be judged." in text
    assert "would be found" not in text


def test_a_slice_called_na_keeps_its_name(tmp_path):
    path = tmp_path / "slices.csv"
    path.write_text(
        "attribute,slice,n,groups,metric,value,low,high,caveat,rest,p,found_from,verdict\n"
        "site,NA,3,2,accuracy,,,,,,,,\n"
        "site,1.0,30,9,accuracy,0.5,0.4,0.6,it rests on 9 independent groups only,0.6,0.2,,cannot be judged\n"
    )
    table = read_slices(path)
    assert table["slice"].tolist() == ["NA", "1.0"]
    assert np.isnan(table["value"][0])
    assert table["value"][1] == 0.5
    assert table["groups"].tolist() == [2, 9]
    assert table["caveat"].tolist() == ["", "it rests on 9 independent groups only"]


def test_mistakes_are_pictures_with_their_labels():
    page = Page(render(build()))
    pictures = [picture for picture in page.all("img") if "predicted" in picture["alt"]]
    assert len(pictures) == 6
    assert all(picture["src"].startswith("data:image/png;base64,") for picture in pictures)
    assert "year: 2020" in page.text
    assert "site: None" not in page.text
    assert "every prediction on test is right" in Page(render(build(wrong=0))).text


@pytest.mark.parametrize("shape", [(20, 24), (20, 24, 1), (20, 24, 3)])
def test_grey_and_colour_pictures_can_be_shown(shape):
    picture = to_image(np.zeros(shape, dtype=np.uint8))
    assert picture.size == (24, 20)
    assert data_uri(encode_png(picture)).startswith("data:image/png;base64,iVBOR")


def test_the_page_stays_light_with_large_pictures():
    material = build(wrong=12, channels=3)
    large = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)  # noise: nothing compresses worse
    sheet = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
    names = [f"{number}.png" for number in range(48)]
    strips = {f"strip {row}": names[8 * row : 8 * row + 8] for row in range(6)}
    failed = {name: replace(one, pictures=strips) for name, one in (material.checks | material.curation).items()}
    images = dict.fromkeys([*material.images, *names], large)
    material = replace(material, checks=failed, curation=failed, images=images, preview=encode_png(to_image(sheet)))
    html = render(material)
    assert html.count("<img") > 100
    assert len(html) < 10_000_000


def test_refused_items_are_listed_by_reason():
    refused = [["a.png", [], "truncated", "ends early"], *([f"{n}.png", [], "empty", "0 bytes"] for n in range(7))]
    page = Page(render(build(refused=refused)))
    assert "8 items were rejected" in page.text
    assert "the file has no bytes" in page.text
    assert "a.png" in page.text
    assert "6.png" not in page.text
    assert "None: every item of the source could be read." in Page(render(build())).text


def test_parameters_and_hashes_are_there():
    text = Page(render(build())).text
    for expected in (
        "epochs: 3",
        "views: [identity]",
        "3,373,570",
        "14facdae",
        "35bc3944",
        "colibri run reproduces everything on this page",
        "colibri ui opens the runs",
        "dvc exp show",
    ):
        assert expected in text


FEW = "it rests on 7 independent groups only"


def shown(**metrics):
    return Page(render(replace(build(), metrics=metrics))).text


def test_a_caveat_that_all_figures_share_is_said_once():
    text = shown(
        accuracy=entry(0.8, 0.7, 0.9, caveat=FEW),
        f1_macro=entry(0.7, 0.6, 0.8, caveat=FEW),
        auroc_macro=entry(0.9, 0.8, 0.95),
    )
    assert f"About these figures: {FEW}." in text
    assert f"Macro F1: {FEW}" not in text
    assert f"always predicting \u201ccat\u201d. Accuracy: {FEW}." in text  # the leading one, above its figure
    assert "About these figures" not in shown(accuracy=entry(0.8, 0.7, 0.9))


def test_different_caveats_are_said_of_each_figure():
    rare = "1 class has fewer than 5 groups, so the interval may be too narrow"
    text = shown(accuracy=entry(0.8, 0.7, 0.9, caveat=FEW), f1_macro=entry(0.7, 0.6, 0.8, caveat=rare))
    assert f"Accuracy: {FEW}." in text
    assert f"Macro F1: {rare}." in text
    assert "About these figures" not in text


def test_figures_of_classes_without_an_interval_are_counted_and_explained():
    lone = "no interval: it rests on 1 independent group, fewer than 5"
    certain = {
        "accuracy": entry(0.8, 0.7, 0.9),
        "recall/cat": entry(1.0, groups=1, caveat=lone),
        "recall/dog": entry(0.5, 0.4, 0.6),
    }
    text = shown(**certain)
    assert "1 figure of classes has no interval, since fewer than 5 groups hold the class" in text
    assert lone in text
    text = shown(**certain | {"recall/dog": entry(0.5, groups=1, caveat=lone)})
    assert "2 figures of classes have no interval" in text
    text = shown(**certain | {"recall/cat": entry(1.0, 0.9, 1.0)})
    assert "no interval, since fewer than" not in text
    assert "begins and ends at the same figure" not in text


def test_the_page_says_that_a_leading_figure_has_no_interval():
    text = shown(accuracy=entry(0.8, groups=3, caveat="no interval: it rests on 3 independent groups, fewer than 5"))
    assert "the model gets 80 right (no interval)." in text
    assert "Accuracy: no interval: it rests on 3 independent groups, fewer than 5." in text


CROSS = {
    "cross/accuracy": entry(0.82, 0.76, 0.87, n=900, groups=48),
    "cross/f1_macro": entry(0.71, 0.6, 0.8, n=900, groups=44),
    "cross/baseline_margin": entry(0.1, 0.04, 0.16, n=900, groups=44),
}


def test_figures_over_all_groups_stand_in_the_header_and_nowhere_else():
    metrics = {"accuracy": entry(0.8, 0.6, 0.9, caveat=FEW), "f1_macro": entry(0.7, 0.4, 0.8, caveat=FEW)}
    text = shown(**metrics, **CROSS).replace("\u00a0", " ")
    assert "Test has only 8 independent groups, too few for a narrow interval." in text
    assert (
        "These figures are out of fold over all 48 groups (900 pictures; five folds of whole groups), for logistic "
        "regression on frozen features, not for the trained model. The balanced accuracy of these features is "
        "10.0 points above what the properties alone reach on the same pictures, between +4.0 and +16.0: the model "
        "uses more than these properties."
    ) in text
    assert "82.0 %76.0 to 87.0 %" in text
    assert "71.0 %60.0 to 80.0 %" in text
    assert text.count("82.0 %") == 1
    assert "over all 48 groups" not in shown(**metrics)


def test_the_properties_alone_are_the_last_figure_over_all_groups():
    alone = {"cross/properties_accuracy": entry(0.6, 0.5, 0.7, n=900, groups=48)}
    text = shown(accuracy=entry(0.8, 0.6, 0.9), **CROSS, **alone).replace("\u00a0", " ")
    assert "accuracy of the properties alonea forest on the same folds 60.0 %50.0 to 70.0 %" in text
    assert "of the properties alonea forest" not in shown(accuracy=entry(0.8, 0.6, 0.9), **CROSS)


@pytest.mark.parametrize(
    ("interval", "margin", "expected"),
    [
        ((0.6, 0.9), (0.1, 0.3), "It does better than always predicting \u201ccat\u201d (50.0 % right), and sees more"),
        (
            (0.4, 0.9),
            (-0.1, 0.3),
            "It is not shown to do better than always predicting \u201ccat\u201d (50.0 % right), and ",
        ),
        (
            (0.4, 0.9),
            (-0.1, 0.3),
            "is not shown to see more than properties such as brightness, borders and file size.",
        ),
        (
            (0.1, 0.3),
            (-0.3, -0.1),
            "It does worse than always predicting \u201ccat\u201d (50.0 % right), and does worse ",
        ),
        (
            (0.1, 0.3),
            (-0.3, -0.1),
            "and does worse than a forest that sees only properties such as brightness, borders",
        ),
        ((None, None), (0.1, 0.3), "It sees more than properties such as brightness, borders and file size."),
        ((None, None), (None, None), "Always predicting \u201ccat\u201d would get 50.0 % right."),
    ],
)
def test_the_second_sentence_compares_with_the_class_to_guess_and_with_the_properties(interval, margin, expected):
    low, high = margin
    beyond = {} if low is None else {"baseline_margin": entry((low + high) / 2, low, high)}
    text = shown(accuracy=entry(0.8, *interval), **beyond).replace("\u00a0", " ")
    assert expected in text


def test_many_groups_in_test_are_not_called_few_whatever_the_caveat_says():
    """cross_validation: always; the caveat is about few mistakes."""
    material = build()
    predictions = material.predictions.assign(group=material.predictions["sample_id"])  # forty groups
    caveat = "few mistakes or successes, so the interval is wider than needed for 95 %"
    metrics = {"accuracy": entry(0.99, 0.9, 1.0, caveat=caveat), **CROSS}
    text = Page(render(replace(material, predictions=predictions, metrics=metrics))).text
    assert "over all 48 groups" in text.replace("\u00a0", " ")
    assert "too few for a narrow interval" not in text


def test_the_figures_of_a_class_with_few_pictures_are_shown_and_marked():
    few = Estimate(value=13 / 14, low=0.66, high=1.0, n=14, groups=14, few=True)
    metrics = build().metrics | {"recall/dog": few, "f1/dog": replace(few, value=0.5)}
    html = render(replace(build(), metrics=metrics))
    text = Page(html).text.replace("\u00a0", " ")
    assert "14 pictures, few" in text
    assert "92.9 %13 of 1466.0 to 100.0 %" in text  # three lines of a cell
    assert "Few: 1 class has fewer than 21 pictures in test, so its intervals are wide." in text
    assert html.count('<tr class="few">') == 1
    assert "Few:" not in Page(render(build())).text


def test_precision_counts_the_pictures_predicted_as_the_class():
    # of the 40 pictures 20 are dogs; 3 of them are predicted as cats, and 3 cats as dogs
    own = {"precision/dog": entry(17 / 20, 0.6, 0.9, 20), "recall/dog": entry(17 / 20, 0.6, 0.9, 20)}
    text = Page(render(replace(build(), metrics=build().metrics | own))).text
    assert text.count("17 of 20") == 2


def test_a_margin_is_in_points():
    shown = figure("baseline_margin", entry(0.002, -0.173, 0.211))
    assert shown.text == "+0.2\u00a0points"
    assert shown.between == "-17.3 to +21.1\u00a0points"
    assert not shown.has_place


def test_the_card_says_what_the_model_is():
    text = Page(render(build())).text
    assert "tf_efficientnet_lite0" in text
    assert "13.7 MB, 3,373,570 parameters" in text
    card = {"train": {"_target_": "a.b.FineTune"}, "num_samples": {"train": 1854}, "transform": {"image_size": 128}}
    facts = dict(model_facts(card, 5, 500))
    assert facts["Training"] == "fine tune, 5 epochs of 1,854 pictures"
    logistic = {"_target_": "a.FitEstimator", "estimator": {"_target_": "sklearn.linear_model.LogisticRegression"}}
    trained = dict(model_facts({**card, "train": logistic}, 1, 500))["Training"]
    assert trained == "logistic regression on frozen features, 1,854 pictures"
    assert facts["Picture size"] == "128\u00a0pixels"
    assert facts["Model size"] == "500\u00a0B"


def test_the_sizes_at_which_pictures_are_stored_and_seen():
    card = {"packing": {"size": 144, "fit": "crop"}, "transform": {"image_size": 128}}
    facts = dict(provenance({}, card).facts)
    assert facts == {"Pictures stored at": "144 pixels, crop", "Pictures seen at": "128 pixels"}
    assert provenance({}, {}).facts == []


def test_a_figure_that_is_no_share_is_a_number_without_a_dot():
    estimate = Estimate(value=0.61234, low=0.5, high=0.7, n=40, groups=40)
    for metric in ("matthews", "label_brier/cat", "log_loss"):
        shown = figure(metric, estimate)
        assert (shown.text, shown.between, shown.has_place) == ("0.612", "0.500 to 0.700", False)
    assert figure("calibration_error", estimate).text == "61.2\u00a0%"


def test_a_class_of_too_few_pictures_says_that_it_is_not_evaluable():
    caveat = "not evaluable: 3 samples of the class, at least 5 are needed"
    estimate = Estimate(value=None, low=None, high=None, n=3, groups=3, caveat=caveat, few=True)
    shown = figure("recall", estimate)
    assert (shown.text, shown.between) == ("\u2013", caveat)


def test_a_class_without_any_figure_is_one_cell_with_the_count():
    """Each of its cells said the same before."""
    caveat = "not evaluable: 3 samples of the class, at least 5 are needed"
    none = Estimate(value=None, low=None, high=None, n=3, groups=3, caveat=caveat, few=True)
    metrics = {"accuracy": entry(0.7, 0.6, 0.8)}
    metrics |= {f"{name}/cat": entry(0.7, 0.6, 0.8) for name in ("precision", "recall", "f1")}
    metrics |= {f"{name}/dog": none for name in ("precision", "recall", "f1")}
    html = render(replace(build(), metrics=metrics))
    assert html.count(caveat) == 1
    assert f'<td colspan="3">\u2013<small>{caveat}</small></td></tr>' in html
    found = tables(metrics, ["cat", "dog"], 21, frozenset(), {})
    assert [row.missing for row in found.classes] == ["", caveat]


def test_a_class_with_several_reasons_keeps_its_cells():
    undefined = Estimate(value=None, low=None, high=None, n=9, groups=9)
    single = replace(undefined, caveat="no interval")
    metrics = {"precision/cat": undefined, "recall/cat": single}
    assert tables(metrics, ["cat"], 21, frozenset(), {}).classes[0].missing == ""
    one_of_two = {"precision/cat": undefined, "recall/cat": entry(0.7, 0.6, 0.8)}
    assert tables(one_of_two, ["cat"], 21, frozenset(), {}).classes[0].missing == ""


@pytest.mark.parametrize(("lower_is_better", "first"), [(frozenset(), "cat"), (frozenset({"label_brier"}), "dog")])
def test_the_weakest_class_comes_first_whichever_way_is_better(lower_is_better, first):
    figures = {
        f"label_brier/{name}": Estimate(value=value, low=None, high=None, n=9, groups=9)
        for name, value in (("cat", 0.1), ("dog", 0.3))
    }
    found = tables(figures, ["cat", "dog"], 21, lower_is_better, {})
    assert found.classes[0].name == first
    assert found.weakest == ("Highest" if lower_is_better else "Lowest")


def test_a_caveat_that_some_figures_share_is_said_once_with_their_names():
    figures = {
        name: Estimate(value=0.5, low=0.4, high=0.6, n=9, groups=9, caveat=caveat)
        for name, caveat in (("accuracy", "few groups"), ("f1_macro", "few classes"), ("matthews", "few groups"))
    }
    found = tables(figures, [], 21, frozenset(), {}).caveats
    assert found == [("accuracy, Matthews correlation", "few groups"), ("macro F1", "few classes")]


def test_the_pretraining_has_a_section_and_none_has_nothing():
    html = render(build(pretrained=True))
    text = Page(html).text
    assert "by the objective simclr for 8 epochs on 40 pictures of train and 1,200 without a label" in text
    assert "No picture of val or test took part." in text
    assert "views of one picture" in text
    assert "cat (min area 0.3)" in text
    assert "pool without a label1,200" in text.replace("poolwithout", "pool without")
    found = content(build(pretrained=True))["pretraining"]
    assert [panel.title for panel in found.curves.panels] == ["Loss", "Effective rank", "Nearest neighbours"]
    assert found.curves.header[-1] == "learning rate"
    bare = replace(build(pretrained=True), pretraining=pd.DataFrame({"epoch": [1], "loss": [2.0]}))
    assert [panel.title for panel in content(bare)["pretraining"].curves.panels] == ["Loss"]
    assert 'id="pretraining"' in html
    assert "retraining" not in Page(render(build())).text


def test_the_data_say_how_many_pictures_are_in_the_pool_and_why_others_are_in_no_split():
    material = build()
    unlabelled = [[] if row >= 118 else names for row, names in enumerate(material.manifest["labels"])]
    for split, purpose in (
        ("pool", "without a label: for pretraining alone, and no figure is of them"),
        ("none", UNLABELLED),
    ):
        splits = [split if row >= 118 else one for row, one in enumerate(material.splits["split"])]
        changed = replace(
            material,
            manifest=material.manifest.assign(labels=unlabelled),
            splits=material.splits.assign(split=splits),
        )
        part = content(changed)["data"].parts[-1]
        assert (part.name, part.purpose, part.num_samples) == (split, purpose, 2)
