"""A file system in this process, spoken straight to /dev/fuse: no library, and ioctls included.

Just enough of the protocol for a directory tree of small files that answer reads, writes and
ioctls by calling Python. One request at a time, in order.

Source: Linux `include/uapi/linux/fuse.h`, protocol version 7.31.
"""

import ctypes
import errno
import os
import stat
import struct
from dataclasses import dataclass, field
from enum import IntEnum


class Op(IntEnum):
    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    MKDIR = 9
    RMDIR = 11
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    INTERRUPT = 36
    DESTROY = 38
    IOCTL = 39
    BATCH_FORGET = 42


SILENT = {Op.FORGET, Op.BATCH_FORGET, Op.INTERRUPT}  # requests that have no reply

HEADER = struct.Struct("<IIQQIIIHH")
REPLY = struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")
NAME_LIMIT, DIRECT_IO = 255, 1

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


class Node:
    """What is at a path: a `File` or a `Directory`."""


class File(Node):
    """A file whose content is made when it is read; override what it can do."""

    mode = 0o600

    def read(self) -> bytes:
        raise OSError(errno.EACCES, "not readable")

    def written(self, data: bytes) -> None:
        raise OSError(errno.EACCES, "not writable")

    def closed(self, data: bytes) -> None:
        """Everything that was written between open and close."""

    def ioctl(self, command: int, data: bytes, pid: int) -> tuple[int, bytes]:
        """(0 or a positive errno, the bytes that the caller's buffer then has)."""
        return errno.ENOTTY, data


@dataclass
class Directory(Node):
    entries: dict[str, Node] = field(default_factory=dict)

    def make(self, name: str) -> Node:
        raise OSError(errno.EPERM, "no directories here")

    def remove(self, name: str) -> None:
        raise OSError(errno.EPERM, "nothing to remove here")


class Server:
    """The file system under `root`, mounted at `mountpoint` in a mount namespace of this process.

    Others reach it as `/proc/PID/root/MOUNTPOINT`; it vanishes with the process.
    """

    def __init__(self, root: Directory, mountpoint: str) -> None:
        self.nodes: dict[int, Node] = {1: root}
        self.numbers: dict[int, int] = {id(root): 1}
        self.handles: dict[int, bytes] = {}
        self.pending: dict[int, bytearray] = {}
        self.next_handle = 1
        libc = ctypes.CDLL(None, use_errno=True)
        _check(libc.unshare(CLONE_NEWNS))
        _check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        _check(libc.mount(b"strongroom", mountpoint.encode(), b"fuse", 0, options.encode()))

    def serve(self) -> None:
        while True:
            try:
                request = os.read(self.device, 1 << 18)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                raise
            _, opcode, unique, node, _, _, pid, _, _ = HEADER.unpack_from(request)
            if opcode in SILENT:
                continue
            try:
                body, failure = self.answer(opcode, node, pid, request[HEADER.size :]), 0
            except OSError as error:
                body, failure = b"", -(error.errno or errno.EIO)
            os.write(self.device, REPLY.pack(REPLY.size + len(body), failure, unique) + body)

    def answer(self, opcode: int, node: int, pid: int, body: bytes) -> bytes:
        match opcode:
            case Op.INIT:  # no flags, small writes
                return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 8, 6, 1 << 16, 1, 1, 0, 0)
            case Op.LOOKUP:
                return self.entry(self.child(node, body))
            case Op.GETATTR | Op.SETATTR:  # sizes and times are not kept
                return struct.pack("<QII", 0, 0, 0) + self.attributes(node)
            case Op.MKDIR:
                parent = self.nodes[node]
                assert isinstance(parent, Directory)
                return self.entry(self.number(parent.make(_name(body[8:]))))
            case Op.RMDIR:
                parent = self.nodes[node]
                assert isinstance(parent, Directory)
                parent.remove(_name(body))
                return b""
            case Op.OPEN | Op.OPENDIR:
                self.next_handle += 1
                return struct.pack("<QII", self.next_handle, DIRECT_IO, 0)
            case Op.READ:
                handle, offset, size = struct.unpack_from("<QQI", body)
                if handle not in self.handles:  # like configfs: the content is made once per open
                    self.handles[handle] = self.file(node).read()
                return self.handles[handle][offset : offset + size]
            case Op.WRITE:
                handle, _, size = struct.unpack_from("<QQI", body)
                data = body[40 : 40 + size]
                self.file(node).written(data)
                self.pending.setdefault(handle, bytearray()).extend(data)
                return struct.pack("<II", size, 0)
            case Op.FLUSH:  # which close(2) waits for
                (handle,) = struct.unpack_from("<Q", body)
                if handle in self.pending:
                    self.file(node).closed(bytes(self.pending.pop(handle)))
                return b""
            case Op.IOCTL:
                _, _, command, _, size, _ = struct.unpack_from("<QIIQII", body)
                number, data = self.file(node).ioctl(command, body[32 : 32 + size], pid)
                return struct.pack("<iIII", -number, 0, 0, 0) + data
            case Op.STATFS:
                return bytes(80)
            case Op.RELEASE | Op.READDIR | Op.RELEASEDIR | Op.DESTROY:  # directories list nothing
                return b""
            case _:
                raise OSError(errno.ENOSYS, "not spoken here")

    def child(self, node: int, body: bytes) -> int:
        parent, name = self.nodes[node], _name(body)
        if not isinstance(parent, Directory) or name not in parent.entries:
            raise OSError(errno.ENOENT, name)
        return self.number(parent.entries[name])

    def file(self, node: int) -> File:
        found = self.nodes[node]
        if not isinstance(found, File):
            raise OSError(errno.EISDIR, "a directory")
        return found

    def number(self, node: Node) -> int:
        number = self.numbers.setdefault(id(node), len(self.numbers) + 1)
        self.nodes[number] = node
        return number

    def entry(self, node: int) -> bytes:
        return struct.pack("<QQQQII", node, 0, 0, 0, 0, 0) + self.attributes(node)

    def attributes(self, node: int) -> bytes:
        found = self.nodes[node]
        mode = stat.S_IFDIR | 0o700 if isinstance(found, Directory) else stat.S_IFREG | 0o600
        size = 0 if isinstance(found, Directory) else 4096  # what configfs says of its files
        owner = os.getuid(), os.getgid()
        return ATTRIBUTES.pack(node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, *owner, 0, 4096, 0)


def _name(body: bytes) -> str:
    return body.rstrip(b"\0")[:NAME_LIMIT].decode()


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
