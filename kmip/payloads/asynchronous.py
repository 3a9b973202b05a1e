"""Requests whose answer is still to come (2.1 sections 7.1 and 7.2)."""

from __future__ import annotations

from kmip.enums import Operation, ProcessingStage
from kmip.structures import Structure, structure
from kmip.types import DateTimeExtended


@structure
class AsynchronousCorrelationValues(Structure):
    """2.1 section 7.1."""

    asynchronous_correlation_value: tuple[bytes, ...] = ()


@structure
class AsynchronousRequest(Structure):
    """A request whose status its sender has not yet got (2.1 section 7.2)."""

    asynchronous_correlation_value: bytes
    operation: Operation
    submission_date: DateTimeExtended
    processing_stage: ProcessingStage
