"""A machine with guest devices, as a process: configfs-tsm, /dev/sev-guest and /dev/tdx_guest.

Behind them sits a software chip. Commands come as one JSON object a line on standard input and set
how the kernel and the host behave; each is acknowledged with a line. Run by `guest_machine.py`.
"""

import errno
import json
import os
import struct
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fuse import Directory, File, Node, Server

from enclave.errors import DeviceError
from enclave.insecure import SoftwareChip, SoftwareGuest
from enclave.snp.abi import ASK_GUID, VCEK_GUID, build_certificate_table
from enclave.snp.device import (
    DerivedKeyRequest,
    DerivedKeyResponse,
    ExtendedReportRequest,
    GuestField,
    GuestRequest,
    ReportRequest,
    ReportResponse,
)
from enclave.tdx.abi import ReportMACStruct, TDInfo, TDReport, TEETCBInfo

TDX_REPORT = 0xC4405401


@dataclass
class Machine:
    """What the host and the kernel do today; every field can be set from outside."""

    provider: str = "sev_guest"
    floor: int = 0
    outblob: str = "right"  # or: empty, padded, long, other (answers another question)
    races: int = 0  # so many entries are disturbed by another writer, before outblob is read
    late_races: int = 0  # so many, after it was
    busy: int = 0  # so many reads of outblob fail with EBUSY
    outblob_errno: int = 0
    mkdir_errno: int = 0
    auxblob: bool = True
    certificates_need: int = 0  # bytes that the certificate table takes at least
    throttle: int = 0  # so many requests are answered with a later retry
    vmm_error: int = 0  # the next request fails with this, and the key is thrown away
    kernel_errno: int = 0  # refused before anything is sent
    status: int = 0  # the firmware's
    report_size: int = 1184
    zero_key: bool = False
    requests: int = 0
    key_lost: bool = False
    guest: SoftwareGuest = field(default=None)  # type: ignore[assignment]

    def report(self, report_data: bytes, vmpl: int) -> bytes:
        answered = bytes(64) if self.outblob == "other" else report_data
        return self.guest.report(answered, vmpl)

    def table(self) -> bytes:
        chip = self.guest.chip
        ask = chip.roots.amd[next(iter(chip.roots.amd))].ask
        return build_certificate_table({VCEK_GUID: chip.vcek(), ASK_GUID: ask})


class Text(File):
    def __init__(self, text: Any) -> None:
        self.text = text

    def read(self) -> bytes:
        return f"{self.text()}\n".encode()


class Written(File):
    """An attribute that counts as one write in `generation` when it is closed."""

    def __init__(self, entry: "Entry", name: str) -> None:
        self.entry, self.name = entry, name

    def written(self, data: bytes) -> None:
        if self.name == "inblob" and len(data) > 64:
            raise OSError(errno.EFBIG, "inblob")
        if self.name == "privlevel" and int(data) < self.entry.machine.floor:
            raise OSError(errno.EINVAL, "below the floor")

    def closed(self, data: bytes) -> None:
        self.entry.generation += 1
        self.entry.values[self.name] = data


class Out(File):
    def __init__(self, entry: "Entry", give: Any) -> None:
        self.entry, self.give = entry, give

    def read(self) -> bytes:
        machine = self.entry.machine
        if len(self.entry.values.get("inblob", b"")) != 64:
            raise OSError(errno.EINVAL, "inblob")
        if machine.outblob_errno:
            raise OSError(machine.outblob_errno, "outblob")
        if machine.busy:
            machine.busy -= 1
            raise OSError(errno.EBUSY, "outblob")
        return self.give()


class Entry(Directory):
    """One directory of configfs-tsm."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine, self.generation = machine, 0
        self.values: dict[str, Any] = {}
        self.entries = {
            "provider": Text(lambda: machine.provider),
            "generation": Text(self.count),
            "inblob": Written(self, "inblob"),
            "outblob": Out(self, self.outblob),
        }
        if machine.provider == "sev_guest":
            self.entries["privlevel"] = Written(self, "privlevel")
            self.entries["privlevel_floor"] = Text(lambda: machine.floor)
        if machine.auxblob:
            self.entries["auxblob"] = Out(self, self.auxblob)

    def count(self) -> int:
        if self.machine.races and "inblob" in self.values:
            self.machine.races -= 1
            self.generation += 1
        return self.generation

    def outblob(self) -> bytes:
        machine, data = self.machine, self.values["inblob"]
        machine.requests += 1
        if machine.late_races:
            machine.late_races -= 1
            self.generation += 1
        if machine.outblob == "empty":
            return b""
        if machine.outblob == "long":
            return bytes(1 << 18)
        if machine.provider == "sev_guest":
            blob = machine.report(data, int(self.values.get("privlevel", b"0")))
        else:
            blob = machine.guest.quote(bytes(64) if machine.outblob == "other" else data)
        return blob.ljust(8192, b"\0") if machine.outblob == "padded" else blob

    def auxblob(self) -> bytes:
        return self.machine.table() if self.machine.provider == "sev_guest" else b""


class ReportDirectory(Directory):
    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine

    def make(self, name: str) -> Node:
        if self.machine.mkdir_errno:
            raise OSError(self.machine.mkdir_errno, "mkdir")
        entry = Entry(self.machine)
        self.entries[name] = entry
        return entry

    def remove(self, name: str) -> None:
        del self.entries[name]


class SevGuestFile(File):
    """/dev/sev-guest: requests are pointers, followed into the caller's memory."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ioctl(self, command: int, data: bytes, pid: int) -> tuple[int, bytes]:
        machine, request = self.machine, GuestRequest.parse(data)
        machine.requests += 1
        if machine.kernel_errno:
            return machine.kernel_errno, data
        if machine.key_lost:
            return errno.ENOTTY, data
        if machine.throttle:
            machine.throttle -= 1
            return errno.EAGAIN, _with(request, 2 << 32)
        if machine.vmm_error:
            machine.key_lost = True
            return errno.EIO, _with(request, machine.vmm_error << 32)
        with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
            number, exitinfo2 = self.perform(command, request, memory)
        return number, _with(request, exitinfo2)

    def perform(self, command: int, request: GuestRequest, memory: Any) -> tuple[int, int]:
        match command:
            case 0xC0205300:
                report_request = ReportRequest.parse(_peek(memory, request.req_data, 96))
                self.answer_report(report_request, request, memory)
            case 0xC0205301:
                self.answer_key(request, memory)
            case 0xC0205302:
                raw = _peek(memory, request.req_data, 112)
                extended = ExtendedReportRequest.parse(raw)
                table = self.machine.table() if self.machine.auxblob else b""
                table = table.ljust(self.machine.certificates_need, b"\0")
                if len(table) > extended.certs_len:
                    needed = struct.pack("<I", len(table))
                    _poke(memory, request.req_data + 104, needed)
                    return errno.EIO, 1 << 32
                _poke(memory, extended.certs_address, table)
                self.answer_report(extended.data, request, memory)
            case _:
                return errno.ENOTTY, 0
        return 0, 0

    def answer_report(
        self, report_request: ReportRequest, request: GuestRequest, memory: Any
    ) -> None:
        machine = self.machine
        response = ReportResponse(
            status=machine.status,
            report_size=machine.report_size,
            report=machine.report(report_request.user_data, report_request.vmpl),
            rest=bytes(ReportResponse.size - 32 - 1184),
        )
        _poke(memory, request.resp_data, response.build())

    def answer_key(self, request: GuestRequest, memory: Any) -> None:
        key_request = DerivedKeyRequest.parse(_peek(memory, request.req_data, 32))
        status, key = self.machine.status, bytes(32)
        try:
            key = self.machine.guest.derived_key(
                GuestField(key_request.guest_field_select),
                tcb_version=key_request.tcb_version,
                vmpl=key_request.vmpl,
                guest_svn=key_request.guest_svn,
            )
        except DeviceError:
            status = 0x16
        if self.machine.zero_key:
            key = bytes(32)
        _poke(memory, request.resp_data, DerivedKeyResponse(status=status, key=key).build())


class TdxGuestFile(File):
    """/dev/tdx_guest: the report comes back behind the report data."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ioctl(self, command: int, data: bytes, pid: int) -> tuple[int, bytes]:
        if command != TDX_REPORT or len(data) != 64 + 1024:
            return errno.ENOTTY, data
        if self.machine.kernel_errno:
            return self.machine.kernel_errno, data
        report_data = bytes(64) if self.machine.outblob == "other" else data[:64]
        return 0, data[:64] + _td_report(self.machine.guest, report_data).build()


def _td_report(guest: SoftwareGuest, report_data: bytes) -> TDReport:
    return TDReport(
        reportmacstruct=ReportMACStruct(
            reporttype=bytes.fromhex("81000000"),
            cpusvn=bytes(16),
            tee_tcb_info_hash=bytes(48),
            tee_info_hash=bytes(48),
            reportdata=report_data,
            mac=bytes(32),
        ),
        tee_tcb_info=TEETCBInfo(
            valid=bytes(8),
            tee_tcb_svn=bytes(16),
            mrseam=bytes(48),
            mrsignerseam=bytes(48),
            attributes=bytes(8),
            tee_tcb_svn2=bytes(16),
        ),
        tdinfo=TDInfo(
            attributes=guest.tdattributes,
            xfam=0,
            mrtd=guest.measurement,
            mrconfigid=bytes(48),
            mrowner=bytes(48),
            mrownerconfig=bytes(48),
            rtmr=[bytes(48)] * 4,
            servtd_hash=bytes(48),
        ),
    )


def _with(request: GuestRequest, exitinfo2: int) -> bytes:
    return GuestRequest(
        msg_version=request.msg_version,
        req_data=request.req_data,
        resp_data=request.resp_data,
        exitinfo2=exitinfo2,
    ).build()


def _peek(memory: Any, address: int, size: int) -> bytes:
    memory.seek(address)
    return memory.read(size)


def _poke(memory: Any, address: int, data: bytes) -> None:
    memory.seek(address)
    memory.write(data)


def obey(machine: Machine, directory: ReportDirectory) -> None:
    """Carry out the commands on standard input until it closes."""
    for line in sys.stdin:
        command = json.loads(line)
        if "reset" in command:
            guest = machine.guest
            machine.__init__(guest=guest)  # type: ignore[misc]
        for name, value in command.get("set", {}).items():
            setattr(machine, name, value)
        answer = {"requests": machine.requests, "entries": len(directory.entries)}
        print(json.dumps(answer), flush=True)
    os._exit(0)


def main() -> None:
    mountpoint, chip_directory = sys.argv[1:]
    chip = SoftwareChip.open(Path(chip_directory), datetime.now(UTC))
    machine = Machine(guest=SoftwareGuest(chip))
    report = ReportDirectory(machine)
    root = Directory(
        {
            "report": report,
            "sev-guest": SevGuestFile(machine),
            "tdx_guest": TdxGuestFile(machine),
            "devices": Directory(),
        }
    )
    try:
        server = Server(root, mountpoint)
    except OSError as error:
        print(json.dumps({"ready": False, "why": str(error)}), flush=True)
        return
    print(json.dumps({"ready": True}), flush=True)
    threading.Thread(target=obey, args=(machine, report), daemon=True).start()
    server.serve()


if __name__ == "__main__":
    main()
