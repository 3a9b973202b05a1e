"""One-time passwords: the values of the RFCs, and which are good."""

from dataclasses import replace

import pytest

from kmip.enums import HashingAlgorithm as Hash
from kmip.enums import OTPAlgorithm
from kmip.errors import InvalidField
from kmip.objects import OTPCredential
from server.access.one_time_passwords import HOTP_AHEAD, Generator, generator_of

SEED = b"12345678901234567890"
HOTP = OTPCredential(otp_algorithm=OTPAlgorithm.HOTP, otp_seed=SEED)
TOTP = OTPCredential(otp_algorithm=OTPAlgorithm.TOTP, otp_seed=SEED)


def test_passwords_by_a_counter_are_those_of_rfc_4226_appendix_d():
    generator = generator_of(HOTP)
    assert [generator.password(number) for number in range(10)] == [
        *("755224", "287082", "359152", "969429", "338314"),
        *("254676", "287922", "162583", "399871", "520489"),
    ]


@pytest.mark.parametrize(
    "digest, length, expected",
    [
        (
            Hash.SHA_1,
            20,
            ("94287082", "07081804", "14050471", "89005924", "69279037", "65353130"),
        ),
        (
            Hash.SHA_256,
            32,
            ("46119246", "68084774", "67062674", "91819424", "90698825", "77737706"),
        ),
        (
            Hash.SHA_512,
            64,
            ("90693936", "25091201", "99943326", "93441116", "38618901", "47863826"),
        ),
    ],
)
def test_passwords_by_the_time_are_those_of_rfc_6238_appendix_b(digest, length, expected):
    seed = (SEED * 4)[:length]
    generator = generator_of(replace(TOTP, otp_digest=digest, otp_seed=seed, otp_digits=8))
    times = (59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000)
    for time, password in zip(times, expected, strict=True):
        assert generator.number_of(password, 0, time) == time // 30


def test_a_counter_is_taken_some_numbers_ahead_and_never_behind():
    generator = generator_of(HOTP)
    for number in range(5, 5 + HOTP_AHEAD):
        assert generator.number_of(generator.password(number), 5, 0) == number
    for number in (0, 4, 5 + HOTP_AHEAD):
        assert generator.number_of(generator.password(number), 5, 0) is None


def test_a_time_is_taken_a_step_before_and_after_and_never_twice():
    generator = generator_of(TOTP)
    now, step = 1_700_000_000, 1_700_000_000 // 30
    for number in (step - 1, step, step + 1):
        assert generator.number_of(generator.password(number), 0, now) == number
    for number in (step - 2, step + 2):
        assert generator.number_of(generator.password(number), 0, now) is None
    assert generator.number_of(generator.password(step), step + 1, now) is None
    assert generator.number_of(generator.password(step + 1), step + 1, now) == step + 1


@pytest.mark.parametrize(
    "password",
    ["", "75522", "7552244", " 755224", "\uff17\uff15\uff15\uff12\uff12\uff14", "\ud800", "x"],
)
def test_what_is_not_the_password_letter_by_letter_is_not_good(password: str):
    assert generator_of(HOTP).number_of(password, 0, 0) is None


def test_a_password_keeps_its_leading_zeros():
    generator = generator_of(replace(TOTP, otp_digits=8))
    assert generator.password(1111111109 // 30) == "07081804"


def test_what_a_credential_leaves_out_is_as_in_the_rfcs():
    assert generator_of(TOTP) == Generator(SEED, True, "sha1", 6, 30, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"otp_algorithm": None},
        {"otp_seed": None},
        {"otp_seed": b""},
        {"otp_seed": b"s" * 15},
        {"otp_seed": b"s" * 1025},
        {"otp_digest": Hash.MD5},
        {"otp_digits": 5},
        {"otp_digits": 0},
        {"otp_digits": -6},
        {"otp_digits": 10},
        {"otp_interval": 0},
        {"otp_interval": 301},
        {"otp_interval": 1 << 31},
        {"otp_counter": -1},
        {"otp_counter": (1 << 63) - 1},
    ],
)
def test_a_generator_that_is_not_safe_is_refused(more):
    with pytest.raises(InvalidField):
        generator_of(replace(TOTP, **more))


def test_a_seed_is_not_printed():
    assert "1234" not in repr(generator_of(HOTP))
