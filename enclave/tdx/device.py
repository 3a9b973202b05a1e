"""The TDX guest device: the TD's own report, which only this machine could verify.

A TDREPORT carries a MAC under a key of this CPU; it tells the TD its own measurements (what
`strongroom measure` prints) and proves nothing to other machines. Quotes, which do, come through
configfs-tsm (`enclave.configfs`), since the host's quoting enclave must sign them.

Source: Linux `include/uapi/linux/tdx-guest.h` (TDX_CMD_GET_REPORT0); Intel 344425 (TDX module
architecture), TDREPORT_STRUCT.
"""

import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enclave.errors import DeviceError
from enclave.tdx.abi import TDReport

DEVICE: Final = Path("/dev/tdx_guest")

REPORT_DATA_BYTES: Final = 64

_GET_REPORT0: Final = 0xC4405401


class TdxGuestUnavailable(DeviceError):
    """The device is not there, or not ours to open."""


class TdxGuestFailed(DeviceError):
    """The TDX module gave no report, or one over other report data."""


@dataclass(frozen=True, slots=True)
class TdxGuest:
    """The device at `path`, opened anew for each request."""

    path: Path = DEVICE

    def report(self, report_data: bytes) -> TDReport:
        """The TDREPORT over 64 bytes of report data. Blocks for microseconds.

        Raises:
            TdxGuestUnavailable, TdxGuestFailed: see there.
            InvalidEvidence: what came back is not laid out as a TDREPORT.
            ValueError: not 64 bytes.
        """
        if len(report_data) != REPORT_DATA_BYTES:
            raise ValueError("report data has 64 bytes")
        both = bytearray(report_data + bytes(TDReport.size))
        try:
            device = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise TdxGuestUnavailable(f"{self.path}: {error.strerror}") from error
        try:
            fcntl.ioctl(device, _GET_REPORT0, both)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, str(error.errno))
            raise TdxGuestFailed(f"no report: {name}") from error
        finally:
            os.close(device)
        report = TDReport.parse(bytes(both[REPORT_DATA_BYTES:]))
        if report.reportmacstruct.reportdata != report_data:
            raise TdxGuestFailed("the report answers other report data")
        return report
