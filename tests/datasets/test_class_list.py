"""The list of classes, and labels of any age by the names of today."""

import pytest

from pipeline.core.errors import UserError
from pipeline.datasets.class_attributes import ClassAttribute
from pipeline.datasets.class_list import LabelClass, check_name, read_classes, write_classes

HEADER = "name,key,description,colour,attributes,was,status"


@pytest.fixture
def read(tmp_path):
    def build(*lines, header=HEADER):
        path = tmp_path / "x.csv"
        path.write_text("\n".join([header, *lines, ""]))
        return read_classes(path)

    return build


def test_a_line_of_each_kind(read):
    found = read(
        'crack,1,a dark line,#FF0000,"severity:choice(mild|severe); note:text; size:number",fissure|split,',
        "dust,d,,,,,retired",
    )
    crack, dust = found.classes
    assert (crack.key, crack.colour, crack.was, crack.is_retired) == ("1", "#ff0000", ("fissure", "split"), False)
    assert [str(one) for one in crack.attributes] == ["severity:choice(mild|severe)", "note:text", "size:number"]
    assert dust.is_retired
    assert found.names == ["crack"]


def test_names_alone_are_enough_and_no_file_is_no_list(read, tmp_path):
    assert read("cat", "dog", header="name").names == ["cat", "dog"]
    assert read_classes(tmp_path / "gone.csv") is None


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "x.csv"
    classes = (
        LabelClass(name='a, "b"', key="1", description="two\nlines", was=("a|b", "c")),
        LabelClass(name="b", colour="#00ff00", attributes=(ClassAttribute(name="n", kind="number"),), is_retired=True),
    )
    write_classes(path, classes)
    assert read_classes(path).classes == classes
    with pytest.raises(UserError, match="names 'b' again"):
        write_classes(path, [LabelClass(name="b"), LabelClass(name="b")])
    assert read_classes(path).classes == classes


def test_renamed_merged_split_and_retired(read):
    found = read("vehicle,,,,,car|lorry,", "left,,,,,side,", "right,,,,,side,", "gone,,,,,old,retired", "cat,,,,,,")
    assert found.rename(["car"]).labels == found.rename(["lorry", "vehicle"]).labels == ["vehicle"]
    assert found.rename(["side", "cat"]) == found.rename(["cat", "side"])
    assert (found.rename(["side", "cat"]).labels, found.rename(["side"]).waits) == (["cat"], True)
    assert found.rename(["old"]).labels == found.rename(["gone"]).labels == []
    assert not found.rename(["old"]).waits


def test_a_label_that_no_line_names(read):
    found = read("cat", "dog", header="name")
    found.refuse_unknown([["cat"], [], ["dog", "cat"]])
    message = r"no line names 'dgo', which the source gives to 2 of its samples; did you mean 'dog'\?; add a line"
    with pytest.raises(UserError, match=message):
        found.refuse_unknown([["dgo"], ["cat", "dgo"], ["x"]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cat,,,,,,", "line 3 names 'cat' again, after line 2"),
        (",,a dog,,,,", "a class needs a name of 1 to 200 printable characters"),
        (" dog,,,,,,", "without spaces around it, found ' dog'"),
        ('"do\ng",,,,,,', "printable characters"),
        ("=HYPERLINK(1),,,,,,", "begins like a formula"),
        ("dog,1,,,,,", "line 3 has the key '1' of line 2"),
        ("dog,ab,,,,,", "key must be one digit or letter, found 'ab'"),
        ("dog,,,red,,,", "colour must be like #1f77b4, found 'red'"),
        ("dog,,,,,,gone", "status must be active or retired, found 'gone'"),
        ("dog,,,,,cat,", "line 3: 'cat' is a class of line 2 too"),
        ("dog,,,,size,,", "an attribute is written like note:text"),
        ("dog,,,,size:colour,,", "an attribute is written like note:text"),
        ("dog,,,,size:choice(a),,", "a choice needs at least two different values"),
        ("dog,,,,size:number(a|b),,", "a choice needs at least two different values"),
        ("dog,,,,n:text; n:text,,", "the attribute 'n' is named twice"),
        ("dog,,,,size:text,,", "the attribute 'size' is another one in an earlier line"),
        ("dog,,,,,[1],", "is not a JSON list of strings"),
    ],
)
def test_a_line_that_cannot_be_understood(read, line, message):
    with pytest.raises(UserError, match=message.replace("(", r"\(").replace(")", r"\)")):
        read("cat,1,,,size:number,,", line)


def test_a_file_without_classes_or_names(read):
    with pytest.raises(UserError, match="names no class; add a line for each"):
        read()
    with pytest.raises(UserError, match="line 1 names no column 'name'"):
        read("cat", header="title")


@pytest.mark.parametrize("name", ["-1", "+1.5", "+", "a=b", "<b>", "Ä 1"])
def test_names_that_are_no_formulas(name):
    check_name(name)


@pytest.mark.parametrize("name", ["=1+1", "+a", "@SUM(A1)", "-a", "a\tb", "x" * 201])
def test_names_that_are_refused(name):
    with pytest.raises(ValueError, match=r"formula|printable"):
        check_name(name)


@pytest.mark.parametrize(
    ("attribute", "good", "bad"),
    [
        (ClassAttribute(name="n", kind="number"), 3, "3"),
        (ClassAttribute(name="n", kind="number"), 0.5, float("nan")),
        (ClassAttribute(name="n", kind="choice", choices=("a", "b")), "a", "c"),
        (ClassAttribute(name="n", kind="text"), "<b>", 3),
    ],
)
def test_answers(attribute, good, bad):
    assert attribute.check(good) == good
    with pytest.raises(ValueError, match="n must be"):
        attribute.check(bad)
