"""What is recorded of the cases, and what the tables of docs/conformance.md are made of."""

from tests.conformance import outcomes, unsupported
from tests.conformance.cases import Case, all_cases, needs_cases


@needs_cases
def test_every_case_that_counts_is_recorded_and_no_other():
    assert [*map(str, outcomes.recorded())] == [*map(str, outcomes.judged_cases())]


def test_what_is_recorded_to_fail_is_listed_with_its_reason():
    for case, letters in outcomes.recorded().items():
        assert (outcomes.FAILS in letters) is bool(unsupported.reason(case)), case


def test_a_pattern_means_a_family_a_name_or_one_case(tmp_path):
    case = Case(tmp_path, "1.4", "CS-BC-M-GCM-1-14")
    for pattern in ("CS-BC-M-GCM", "CS-BC-*", "CS-BC-M-GCM-1-14", "1.4/*", "*-GCM-1-*"):
        assert unsupported.covers(pattern, case)
    for pattern in ("CS-BC-M", "1.3/*", "CS-BC-M-GCM-1"):
        assert not unsupported.covers(pattern, case)


def test_families_are_found_in_names(tmp_path):
    families = {
        "CS-BC-M-GCM-1-14": "CS-BC-M-GCM",
        "SKLC-M-1-10": "SKLC-M",
        "CS-AC-M-3-ECC-13": "CS-AC-M",
        "TC-134-12": "TC",
        "TC-OTP-SETUP-1-13": "TC-OTP-SETUP",
    }
    for name, family in families.items():
        assert Case(tmp_path, "1.3", name).family == family


@needs_cases
def test_every_case_has_a_file_of_its_version():
    for case in all_cases():
        assert case.path.parent.name == case.version
