"""The independent judge against the real server process, by every door and in every encoding."""

import json
import subprocess

import pytest

from tests.conformance import unsupported
from tests.conformance.cases import JUDGE, all_cases
from tests.conformance.judge import HTTPS, command, server
from tests.conformance.player import is_helped, missing, reason_not_to_play

LONGEST_SECONDS = 300
"""Of a whole run, which takes half a minute where nothing else runs."""


@pytest.mark.slow
@pytest.mark.interop
@pytest.mark.skipif(
    not JUDGE.is_file(), reason=f"no judge at {JUDGE}: STRONGROOM_SHARED says where it is"
)
@pytest.mark.parametrize("encoding", [None, "binary", "json", "xml"])
def test_the_judge_finds_what_is_listed(tmp_path, encoding):
    """Every case passes that is not listed, and none that is; no encoding: KMIP's own port."""
    found = tmp_path / "found.json"
    with server(tmp_path / "data", tmp_path / "log") as ports:
        words = ["--no-wait", "--json", str(found)]
        port = ports.kmip if encoding is None else ports.https
        if encoding is not None:
            words += [*HTTPS, "--encoding", encoding]
        subprocess.run(
            command(tmp_path / "data", port, words),
            timeout=LONGEST_SECONDS,
            check=False,
            stdout=subprocess.DEVNULL,
        )
    results = {result["name"]: result for result in json.loads(found.read_text())["results"]}
    wrong = {}
    for case in all_cases():
        result = results[case.name]
        listed = bool(unsupported.reason(case))
        judged = not (reason_not_to_play(case) or missing(case) or is_helped(case))
        if judged and (result["status"] == "fail") is not listed:
            wrong[str(case)] = [result["where"], result["expected"], result["got"]]
    assert not wrong
