"""What is shown of a long command."""

import io

from server.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_each_tenth_is_a_line() -> None:
    stream = io.StringIO()
    progress = Progress("copying", stream)
    for done in range(1000):
        progress(done, 1000)
    progress(1000, 1000)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0] == "copying: 0 of 1000 records, 0 %"
    assert lines[3] == "copying: 300 of 1000 records, 30 %"
    assert lines[-1] == "copying: 1000 of 1000 records, 100 %"


def test_elsewhere_nothing_is_said_of_nothing() -> None:
    stream = io.StringIO()
    Progress("copying", stream)(0, 0)
    assert stream.getvalue() == ""


def test_on_a_terminal_one_line_is_written_again_and_again() -> None:
    stream, clock = Terminal(), iter([0.0, 0.05, 0.2, 0.21])
    progress = Progress("verifying", stream, lambda: next(clock))
    for done in (0, 16, 32, 48):
        progress(done, 48)
    assert stream.getvalue() == (
        "\rverifying: 0 of 48 records, 0 %\x1b[K"
        "\rverifying: 32 of 48 records, 66 %\x1b[K"
        "\rverifying: 48 of 48 records, 100 %\x1b[K\n"
    )


def test_on_a_terminal_an_empty_store_ends_its_line() -> None:
    stream = Terminal()
    Progress("verifying", stream, lambda: 0.0)(0, 0)
    assert stream.getvalue() == "\rverifying: 0 of 0 records, 100 %\x1b[K\n"
