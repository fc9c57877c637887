import pytest

from core.patterns import PatternError, find_frames, parse_frames, parse_pair, say_frames


@pytest.fixture
def folder(tmp_path):
    for number in ("0001", "0002", "0010", "12345", "-0003"):
        (tmp_path / f"shot.{number}.exr").touch()
    (tmp_path / "shot.copy.exr").touch()
    (tmp_path / "[odd] 50%d.exr").touch()
    return tmp_path


@pytest.mark.parametrize(
    "pattern", ["shot.####.exr", "shot.%04d.exr", "shot.%04i.exr", "shot.$F4.exr", "shot.@@@@.exr", "shot.%d.exr"]
)
def test_each_programs_pattern_finds_the_numbers_in_their_order(folder, pattern):
    found, gaps = find_frames([str(folder / pattern)])
    assert [path.name for path in found] == [f"shot.{n}.exr" for n in ("-0003", "0001", "0002", "0010", "12345")]
    assert gaps == [f"{folder / pattern} has no frames -2-0,3-9,11-12344."]


def test_names_of_files_win_over_patterns_and_quoted_patterns_are_the_shells(folder):
    odd = folder / "[odd] 50%d.exr"
    assert find_frames([str(odd)]) == ([odd], [])
    found, gaps = find_frames([str(folder / "shot.00*.exr"), str(folder / "shot.####.exr")], None)
    assert [path.name for path in found] == [f"shot.{n}.exr" for n in ("0001", "0002", "0010", "-0003", "12345")]


def test_frames_asked_for_must_be_there(folder):
    pattern = str(folder / "shot.####.exr")
    found, gaps = find_frames([pattern], parse_frames("1-2,10"))
    assert [path.name for path in found] == ["shot.0001.exr", "shot.0002.exr", "shot.0010.exr"] and not gaps
    with pytest.raises(PatternError, match="has no frame 3"):
        find_frames([pattern], [1, 2, 3])
    with pytest.raises(PatternError, match="needs a pattern"):
        find_frames([str(folder / "shot.0001.exr")], [1])
    (folder / "shot.00002.exr").touch()
    with pytest.raises(PatternError, match="both frame 2"):
        find_frames([pattern])


@pytest.mark.parametrize(
    "pattern", ["gone.####.exr", "gone*.exr", "gone.exr", "gone/shot.####.exr", "shot.##.##.exr", "shot.%99999999999d.exr"]
)
def test_what_fits_nothing_is_an_error(folder, pattern):
    with pytest.raises(PatternError, match="frame"):
        find_frames([str(folder / pattern)])


@pytest.mark.parametrize(
    "text, frames", [("1-3,7", [1, 2, 3, 7]), ("-2-1", [-2, -1, 0, 1]), ("-3--2", [-3, -2]), ("1-9x4", [1, 5, 9])]
)
def test_ranges(text, frames):
    assert parse_frames(text) == frames
    assert parse_frames(say_frames(frames)) == frames


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-", "1-9x0", "1,,2", "1-99999999"])
def test_what_is_no_range_is_an_error(text):
    with pytest.raises(ValueError, match="must be like"):
        parse_frames(text)


@pytest.mark.parametrize("text", ["normal", "normal=", "=N", ""])
def test_a_pair_has_a_name_and_something_that_is_said_of_it(text):
    assert parse_pair("normal=a=b", "x=y") == ("normal", "a=b")
    with pytest.raises(ValueError, match="must be like x=y, not"):
        parse_pair(text, "x=y")
