"""Passwords come from a terminal, a file or standard input."""

import io
from collections.abc import Callable, Iterator

import pytest

from server.setup.failure import Failure
from server.setup.password_input import read_password


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Puts a person at a terminal who gives these answers; gives the questions.

    That the real `getpass` does as this one is tested with a real terminal in `test_commands`.
    """

    def put(*typed: str) -> list[str]:
        questions: list[str] = []
        left: Iterator[str] = iter(typed)

        def ask(question: str) -> str:
            questions.append(question)
            return next(left)

        monkeypatch.setattr("sys.stdin", Terminal())
        monkeypatch.setattr("getpass.getpass", ask)
        return questions

    return put


def test_a_new_password_is_asked_for_twice(answers: Callable[..., list[str]]) -> None:
    questions = answers("secret", "secret")
    assert read_password(None, "Password", twice=True) == "secret"
    assert questions == ["Password: ", "Password, again: "]


def test_one_that_exists_is_asked_for_once(answers: Callable[..., list[str]]) -> None:
    questions = answers("secret")
    assert read_password(None, "Password", twice=False) == "secret"
    assert questions == ["Password: "]


def test_a_slip_and_an_empty_answer_are_told(answers: Callable[..., list[str]]) -> None:
    answers("secret", "sceret")
    with pytest.raises(Failure, match="differ"):
        read_password(None, "Password", twice=True)
    answers("")
    with pytest.raises(Failure, match="empty"):
        read_password(None, "Password", twice=False)


@pytest.mark.parametrize(
    "content, password",
    [(b"a b", "a b"), (b"a\n", "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b" a ", " a ")],
)
def test_only_the_last_line_end_is_not_the_passwords(
    content: bytes, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (None, "-"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert read_password(file, "Password", twice=True) == password
