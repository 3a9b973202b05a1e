"""The engine that reads settings: precedence, types, and what it refuses."""

import argparse
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from server.setup import settings
from server.setup.failure import Failure
from server.setup.settings import Sourced, setting


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Sample:
    port: int = setting(1, "a port", "a reason", unit="port", minimum=0, maximum=9)
    pause: float = setting(1.5, "a pause", "a reason", unit="seconds", minimum=0.1)
    colour: Colour = setting(Colour.RED, "a colour", "a reason")
    loud: bool = setting(False, "whether", "a reason")
    place: Path | None = setting(None, "a file", "a reason")
    names: tuple[str, ...] = setting((), "names", "a reason")
    title: str = setting("x", "100% of it", "a reason")


def read(
    tmp_path: Path,
    words: str = "",
    variables: dict[str, str] | None = None,
    toml: str | None = None,
) -> dict[str, Sourced]:
    parser = argparse.ArgumentParser()
    settings.add_flags(parser, Sample)
    flags = vars(parser.parse_args(words.split()))
    file = None
    if toml is not None:
        file = tmp_path / "settings.toml"
        file.write_text(toml)
    return settings.gather(Sample, flags, variables or {}, file)


def refusal(tmp_path: Path, *sources: Any, **more: Any) -> str:
    with pytest.raises(Failure) as caught:
        read(tmp_path, *sources, **more)
    return str(caught.value)


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings_read = read(tmp_path)
    assert settings.build(Sample, settings_read) == Sample()
    assert {one.source for one in settings_read.values()} == {"the default"}


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file, variables = (
        "port = 1\npause = 1\ntitle = 'a'",
        {
            "STRONGROOM_PORT": "2",
            "STRONGROOM_PAUSE": "2",
        },
    )
    settings_read = read(tmp_path, "--port 3", variables, file)
    assert settings_read["port"] == Sourced(3, "--port")
    assert settings_read["pause"] == Sourced(2.0, "STRONGROOM_PAUSE")
    assert settings_read["title"].value == "a"
    assert settings_read["title"].source.startswith("title in ")


@pytest.mark.parametrize(
    "name, text, toml, value",
    [
        ("port", "7", "7", 7),
        ("pause", "2.5", "2.5", 2.5),
        ("pause", "2", "2", 2.0),
        ("colour", "blue", '"blue"', Colour.BLUE),
        ("loud", "Yes", "true", True),
        ("loud", "0", "false", False),
        ("place", "a/b", '"a/b"', Path("a/b")),
        ("names", "a, b,,c", '["a", "b", "c"]', ("a", "b", "c")),
        ("names", "", "[]", ()),
        ("title", "é", '"é"', "é"),
    ],
)
def test_every_type_reads_from_text_and_from_toml(
    tmp_path: Path, name: str, text: str, toml: str, value: object
) -> None:
    from_variable = read(tmp_path, variables={f"STRONGROOM_{name.upper()}": text})
    from_file = read(tmp_path, toml=f"{name} = {toml}")
    assert from_variable[name].value == value
    assert from_file[name].value == value
    assert type(from_file[name].value) is type(value)


def test_flags_of_every_type(tmp_path: Path) -> None:
    settings_read = read(tmp_path, "--loud --colour blue --names a,b --place /x --pause 3")
    values = [settings_read[name].value for name in ("loud", "colour", "names", "place", "pause")]
    assert values == [True, Colour.BLUE, ("a", "b"), Path("/x"), 3.0]


@pytest.mark.parametrize(
    "variable, text",
    [
        ("PORT", "x"), ("PORT", "1.5"), ("PORT", "10"), ("PORT", "-1"), ("PAUSE", "nan"),
        ("PAUSE", "0"), ("COLOUR", "green"), ("LOUD", "perhaps"), ("PLACE", ""), ("PLACE", "a\0b"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_the_name_it_was_given_under(
    tmp_path: Path, variable: str, text: str
) -> None:
    assert f"STRONGROOM_{variable} must be " in refusal(
        tmp_path, variables={f"STRONGROOM_{variable}": text}
    )


@pytest.mark.parametrize(
    "line",
    ["port = true", "port = '1'", "port = 10", "port = 1.0", "loud = 1", "names = 'a'",
     "names = [1]", "colour = 'green'", "colour = 1", "place = 3", "title = []"],
)  # fmt: skip
def test_a_wrong_value_in_a_file_is_refused(tmp_path: Path, line: str) -> None:
    name = line.split()[0]
    assert refusal(tmp_path, toml=line).startswith(f"{name} in ")


def test_bounds_are_told(tmp_path: Path) -> None:
    assert refusal(tmp_path, "--port 10") == "--port must be from 0 to 9, not 10."
    assert refusal(tmp_path, "--pause 0") == "--pause must be at least 0.1, not 0.0."


def test_unknown_keys_in_a_file_are_refused(tmp_path: Path) -> None:
    assert "did you mean port?" in refusal(tmp_path, toml="prot = 1")
    assert "'zzz'" in refusal(tmp_path, toml="zzz = 1")


def test_a_misspelt_variable_is_refused_and_a_foreign_one_left_alone(tmp_path: Path) -> None:
    assert "did you mean STRONGROOM_COLOUR?" in refusal(
        tmp_path, variables={"STRONGROOM_COLOR": "red"}
    )
    foreign = {
        "STRONGROOM_SERVICE_HOST": "10.0.0.1",
        "STRONGROOM_PORT_9_TCP": "tcp://",
        "PORT": "x",
    }
    assert read(tmp_path, variables=foreign)["port"].value == 1


def test_a_file_that_cannot_be_read_or_parsed_is_told(tmp_path: Path) -> None:
    assert "is not TOML" in refusal(tmp_path, toml="port = = 1")
    with pytest.raises(Failure, match="cannot be read: No such file"):
        settings.gather(Sample, {}, {}, tmp_path / "absent.toml")


def test_only_named_flags_are_added() -> None:
    parser = argparse.ArgumentParser()
    settings.add_flags(parser, Sample, frozenset({"port"}))
    assert parser.parse_args(["--port", "4"]).port == "4"
    with pytest.raises(SystemExit):
        parser.parse_args(["--loud"])


def test_help_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    settings.add_flags(parser, Sample)
    parser.print_help()
    text = capsys.readouterr().out
    assert "100% of it" in text
    assert "red|blue" in text


@pytest.mark.parametrize(
    "value, text", [(None, ""), (True, "true"), (("a", "b"), "a,b"), (Path("x"), "x"), (1.5, "1.5")]
)
def test_values_are_shown_as_they_are_typed(value: object, text: str) -> None:
    assert settings.written(value) == text
