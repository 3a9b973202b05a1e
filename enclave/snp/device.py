"""The SEV-SNP guest device: reports, reports with the host's certificates, derived keys.

Every request goes to the chip's firmware encrypted under the guest's platform key (VMPCK), through
a host that may drop, delay or garble it. When the kernel cannot tell whether the firmware has seen
a message it throws the key away rather than use a sequence number twice, and until the next launch
no request succeeds any more. So errors are distinguished with care here: the host asking for a
larger buffer, or for a later retry, costs nothing; nearly everything else costs the key, and is
fatal.

All calls block. One at a time, off the event loop, and seldom: see `enclave.tee`.

Source: Linux `include/uapi/linux/sev-guest.h`, `drivers/virt/coco/sev-guest/sev-guest.c`; AMD
56860 (SEV-SNP firmware ABI) sections 7.2 (key request) and 7.3 (report request).
"""

import ctypes
import errno
import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Final

from construct import Bytes, Int8ul, Int32ul, Int64ul

from enclave.binary_layout import Layout, at
from enclave.errors import DeviceBusy, DeviceError, DeviceLost
from enclave.snp.abi import REPORT_SIZE, AttestationReport, parse_report

DEVICE: Final = Path("/dev/sev-guest")

KEY_BYTES: Final = 32
FIRST_TABLE_BYTES: Final = 16 * 1024  # SEV_FW_BLOB_MAX_SIZE: the kernel takes no more today
MAX_TABLE_BYTES: Final = 128 * 1024  # what `abi.parse_certificate_table` reads

_GET_REPORT: Final = 0xC0205300
_GET_DERIVED_KEY: Final = 0xC0205301
_GET_EXT_REPORT: Final = 0xC0205302

_VMM_INVALID_LEN: Final = 1
_VMM_BUSY: Final = 2

# Numbers that the kernel gives before it talks to the firmware, so that the key is untouched.
_HARMLESS: Final = frozenset(
    {errno.EINVAL, errno.EFAULT, errno.ENOMEM, errno.EINTR, errno.EBADF, errno.EPERM}
)


class SevGuestUnavailable(DeviceError):
    """The device is not there, or not ours to open."""


class SevGuestFailed(DeviceError):
    """The request failed and the platform key is still good."""


class SevGuestBusy(SevGuestFailed, DeviceBusy):
    """The host asks the guest to retry later."""


class GuestField(IntFlag):
    """What the firmware mixes into a derived key (MSG_KEY_REQ, GUEST_FIELD_SELECT)."""

    POLICY = 1 << 0
    IMAGE_ID = 1 << 1
    FAMILY_ID = 1 << 2
    MEASUREMENT = 1 << 3
    GUEST_SVN = 1 << 4
    TCB_VERSION = 1 << 5


class GuestRequest(Layout, size=32):
    """snp_guest_request_ioctl; exitinfo2 is the firmware's error, and the host's above it."""

    msg_version: int = at(0, Int8ul)
    req_data: int = at(8, Int64ul)
    resp_data: int = at(16, Int64ul)
    exitinfo2: int = at(24, Int64ul)


class ReportRequest(Layout, size=96):
    """snp_report_req."""

    user_data: bytes = at(0, Bytes(64))
    vmpl: int = at(64, Int32ul)


class ExtendedReportRequest(Layout, size=112):
    """snp_ext_report_req; `certs_len` is written by the kernel where the table did not fit."""

    data: ReportRequest = at(0, ReportRequest.struct)
    certs_address: int = at(96, Int64ul)
    certs_len: int = at(104, Int32ul)


class ReportResponse(Layout, size=4000):
    """MSG_REPORT_RSP in the kernel's buffer; what follows the report means nothing."""

    status: int = at(0, Int32ul)
    report_size: int = at(4, Int32ul)
    report: bytes = at(32, Bytes(REPORT_SIZE))
    rest: bytes = at(32 + REPORT_SIZE, Bytes(4000 - 32 - REPORT_SIZE))


class DerivedKeyRequest(Layout, size=32):
    """snp_derived_key_req; root key 0 is the VCEK's, the chip's own."""

    root_key_select: int = at(0, Int32ul)
    guest_field_select: int = at(8, Int64ul)
    vmpl: int = at(16, Int32ul)
    guest_svn: int = at(20, Int32ul)
    tcb_version: bytes = at(24, Bytes(8))


class DerivedKeyResponse(Layout, size=64):
    """MSG_KEY_RSP."""

    status: int = at(0, Int32ul)
    key: bytes = at(32, Bytes(KEY_BYTES))


@dataclass(frozen=True, slots=True)
class SevGuest:
    """The device at `path`, opened anew for each request.

    Every method raises `SevGuestUnavailable`, `SevGuestFailed` (ask again, or otherwise) or
    `DeviceLost` (the platform key is gone).
    """

    path: Path = DEVICE

    def report(self, report_data: bytes, *, vmpl: int = 0) -> bytes:
        """A report of 1184 bytes over 64 bytes of report data, unverified."""
        request = _buffer(ReportRequest(user_data=report_data, vmpl=vmpl))
        response = ctypes.create_string_buffer(ReportResponse.size)
        with self._open() as device:
            _submit(device, _GET_REPORT, request, response)
        return _report_in(response, report_data)

    def extended_report(self, report_data: bytes, *, vmpl: int = 0) -> tuple[bytes, bytes]:
        """A report of 1184 bytes, and the certificate table that the host offers for it.

        Neither is verified. The table is empty where the host has none.
        """
        size = FIRST_TABLE_BYTES
        with self._open() as device:
            for _ in range(2):  # the second time with the size that the host named
                try:
                    return _extended_report(device, report_data, vmpl, size)
                except _TableTooLong as error:
                    size = error.size
        raise SevGuestFailed("the host cannot say how long its certificate table is")

    def derived_key(
        self, fields: GuestField, *, tcb_version: bytes, vmpl: int = 0, guest_svn: int = 0
    ) -> bytes:
        """A key of 32 bytes from the chip's secret and the fields selected.

        Args:
            fields: what is mixed in; what is left out does not change the key.
            tcb_version: 8 bytes as in a report, not above COMMITTED_TCB.
            vmpl: not below the caller's own.
            guest_svn: not above the guest's own.

        Raises:
            SevGuestFailed: also when the firmware answers a key of zeros, as some do for a TCB
                out of range.
        """
        request = _buffer(
            DerivedKeyRequest(
                root_key_select=0,
                guest_field_select=fields,
                vmpl=vmpl,
                guest_svn=guest_svn,
                tcb_version=tcb_version,
            )
        )
        response = ctypes.create_string_buffer(DerivedKeyResponse.size)
        with self._open() as device:
            _submit(device, _GET_DERIVED_KEY, request, response)
        answer = DerivedKeyResponse.parse(response.raw)
        if answer.status:
            raise SevGuestFailed(f"no derived key: firmware status {answer.status:#x}")
        if answer.key == bytes(KEY_BYTES):
            raise SevGuestFailed("no derived key: all zero")
        return answer.key

    @contextmanager
    def _open(self) -> Iterator[int]:
        try:
            device = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise SevGuestUnavailable(f"{self.path}: {error.strerror}") from error
        try:
            yield device
        finally:
            os.close(device)


class _TableTooLong(Exception):
    """The certificate table does not fit; it needs `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class _InvalidLength(Exception):
    """The hypervisor's error for that, before `certs_len` is looked at."""


_Buffer = ctypes.Array[ctypes.c_char]


def _buffer(request: Layout) -> _Buffer:
    """The request in memory that has an address."""
    built = request.build()
    return ctypes.create_string_buffer(built, len(built))


def _extended_report(device: int, report_data: bytes, vmpl: int, size: int) -> tuple[bytes, bytes]:
    with mmap.mmap(-1, size) as table:  # the kernel wants whole, aligned pages
        pages = (ctypes.c_char * size).from_buffer(table)
        request = _buffer(
            ExtendedReportRequest(
                data=ReportRequest(user_data=report_data, vmpl=vmpl),
                certs_address=ctypes.addressof(pages),
                certs_len=size,
            )
        )
        response = ctypes.create_string_buffer(ReportResponse.size)
        try:
            _submit(device, _GET_EXT_REPORT, request, response)
            certificates = pages.raw
        except _InvalidLength:
            certs_len = ExtendedReportRequest.parse(request.raw).certs_len
            raise _TableTooLong(_whole_pages(certs_len, size)) from None
        finally:
            del pages  # or the mapping could not be closed
    if not any(certificates):
        certificates = b""
    return _report_in(response, report_data), certificates


def _whole_pages(certs_len: int, size: int) -> int:
    """The table's size that the host asks for, as whole pages."""
    if not size < certs_len <= MAX_TABLE_BYTES:
        raise SevGuestFailed(f"the host asks for {certs_len} bytes of certificates, after {size}")
    return -(-certs_len // mmap.PAGESIZE) * mmap.PAGESIZE


def _submit(device: int, command: int, request: _Buffer, response: _Buffer) -> None:
    """One request to the firmware, whose answer is then in `response`."""
    envelope = bytearray(
        GuestRequest(
            msg_version=1,
            req_data=ctypes.addressof(request),
            resp_data=ctypes.addressof(response),
            exitinfo2=0,
        ).build()
    )
    try:
        fcntl.ioctl(device, command, envelope)
    except OSError as error:
        raise _judge(error, GuestRequest.parse(bytes(envelope)).exitinfo2) from error


def _judge(error: OSError, exitinfo2: int) -> Exception:
    """What a failed ioctl means; kernels differ in the number, so exitinfo2 is looked at first."""
    firmware, hypervisor = exitinfo2 & 0xFFFFFFFF, exitinfo2 >> 32
    if hypervisor == _VMM_INVALID_LEN:
        return _InvalidLength()
    if hypervisor == _VMM_BUSY and error.errno == errno.EAGAIN:
        return SevGuestBusy("the host is throttling requests")
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    if error.errno in _HARMLESS and not exitinfo2:
        return SevGuestFailed(f"the kernel refused the request: {name}")
    return DeviceLost(f"{name}, firmware {firmware:#x}, hypervisor {hypervisor:#x}")


def _report_in(response: _Buffer, report_data: bytes) -> bytes:
    """The report in the response, once it answers the request."""
    answer = ReportResponse.parse(response.raw)
    if answer.status:
        raise SevGuestFailed(f"no report: firmware status {answer.status:#x}")
    if answer.report_size != AttestationReport.size:
        raise SevGuestFailed(f"a report of {answer.report_size} bytes")
    if parse_report(answer.report).report_data != report_data:
        raise SevGuestFailed("the report answers other report data")
    return answer.report
