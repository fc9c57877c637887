import json

import pytest

from core.training import (
    LINES,
    Follower,
    TrainingFolderError,
    TrainingSettings,
    line,
    parse_line,
    read_settings,
    style_file,
    write_settings,
)


def test_settings_are_read_as_they_were_written(tmp_path):
    folder = tmp_path / "new"
    assert read_settings(folder) == TrainingSettings()
    settings = TrainingSettings("Ink", "picture", 3.5, "fast", ("depth",), 0.0, 0.5, True, "--batch 2")
    write_settings(folder, settings)
    assert read_settings(folder) == settings and [path.name for path in folder.iterdir()] == ["training.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "[" * 10**6, '{"settings": 3}', '{"settings": {"colour": 1}}', '{"settings": {"minutes": []}}',
     '{"settings": {"teach": "magic"}}', '{"settings": {"size": "huge"}}'],
)  # fmt: skip
def test_settings_that_cannot_be_read_are_told(tmp_path, text):
    (tmp_path / "training.json").write_text(text)
    with pytest.raises(TrainingFolderError, match="can't be read"):
        read_settings(tmp_path)


def test_lines_are_followed_as_they_come_and_a_cut_one_waits_for_its_end(tmp_path):
    follower = Follower(tmp_path)
    assert list(follower.new()) == []
    with open(tmp_path / LINES, "a", encoding="utf-8") as file:
        file.write(line("hello", protocol=1) + "no line\n" + line("note", text="ä")[:9])
        file.flush()
        assert [values["kind"] for values in follower.new()] == ["hello"]
        assert list(follower.new()) == []
        file.write(line("note", text="ä")[9:])
        file.flush()
        assert [values["text"] for values in follower.new()] == ["ä"]
    (tmp_path / LINES).write_text(line("end"))
    assert [values["kind"] for values in follower.new()] == ["end"], "a new file is read from its beginning"


@pytest.mark.parametrize("text", ["", "{", "[1]", '"kind"', '{"kind": 3}', "{}", "[" * 10**6])
def test_what_is_no_line_says_nothing(text):
    assert parse_line(text) == {}


def test_lines_are_json(tmp_path):
    assert line("preview", step=3).endswith("\n") and json.loads(line("preview", step=3)) == {"kind": "preview", "step": 3}


def test_the_style_of_a_training_is_named_for_its_folder(tmp_path):
    first, second = (style_file(tmp_path / name / "training", "Ink & Wash") for name in ("a", "b"))
    assert first.stem != second.stem and first.parent == tmp_path / "a" / "training" / "previews"
    assert first.name == "a_ink___wash_in_training.onnx"
