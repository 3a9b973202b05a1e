"""Guesses by address."""

from server.sessions.address_guesses import BURST, MAX_ADDRESSES, SECONDS, AddressGuesses


def test_an_address_is_refused_after_so_many_failures_and_another_is_not():
    guesses = AddressGuesses()
    for _ in range(BURST - 1):
        assert not guesses.count("192.0.2.1", 0)
        assert not guesses.are_spent("192.0.2.1", 0)
    assert guesses.count("192.0.2.1", 0)
    assert guesses.are_spent("192.0.2.1", 0)
    assert not guesses.are_spent("192.0.2.2", 0)


def test_failures_wear_off_one_by_one():
    guesses = AddressGuesses()
    for _ in range(BURST):
        guesses.count("192.0.2.1", 0)
    assert guesses.are_spent("192.0.2.1", SECONDS - 1)
    assert not guesses.are_spent("192.0.2.1", SECONDS)
    guesses.count("192.0.2.1", SECONDS)
    assert guesses.are_spent("192.0.2.1", SECONDS)


def test_a_clock_that_is_set_back_forgives_nothing():
    guesses = AddressGuesses()
    for _ in range(BURST):
        guesses.count("192.0.2.1", 1000)
    assert guesses.are_spent("192.0.2.1", 0)


def test_who_has_not_failed_for_longest_is_forgotten_first():
    guesses = AddressGuesses()
    for _ in range(BURST):
        guesses.count("first", 0)
    for place in range(MAX_ADDRESSES - 1):
        guesses.count(str(place), 0)
    assert guesses.are_spent("first", 0)
    guesses.count("last", 0)
    assert not guesses.are_spent("first", 0)
