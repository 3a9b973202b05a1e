"""Which changes of the code would no test notice?

    .venv/bin/python -m tests.mutation storage/header.py storage/reader.py tests/storage
    .venv/bin/python -m tests.mutation enclave tests/enclave --sample 40
    .venv/bin/python -m tests.mutation storage tests/storage --list

Names modules or packages to change, and the tests that should notice. Each change is a single one
(`changes`). For each, the tests that run the changed line are run, quick files first, until one
fails; nothing is written. The command prints the changes that all tests passed, with those apart
that are known to make no difference that matters (`known.toml`), and ends with status 1 if there
are others.

A survivor is a question, not a fault: a test is missing, or the change makes no difference that a
caller could see. Then it gets an entry in `known.toml` that says why.

The tests are run once with coverage, which takes two or three times as long as they take, and are
then collected once. A change costs a fork and the tests of one line.
"""
