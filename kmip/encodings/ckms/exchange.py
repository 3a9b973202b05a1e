"""One request and its answer, as a codec for just these two."""

from __future__ import annotations

from typing import Any, ClassVar

from kmip.encodings.ckms import newer, requests, responses
from kmip.encodings.json import JSON, from_object, to_object, written
from kmip.encodings.literals import Meaning, encoded
from kmip.enums import Operation, ResultReason, ResultStatus
from kmip.errors import InvalidMessage
from kmip.items import Item
from kmip.tags import Tag
from kmip.versions import V1_0, V2_1, ProtocolVersion


class Exchange:
    """A `kmip.encodings.codec.Codec` for one request and its answer.

    What fails is answered by a text for people, as these clients show it. A whole message of the
    specification is taken too, and answered by one.

    Args:
        now: the time, in seconds since 1970: since when the key of an older client is Active.
        limits: of what is read and written.

    Attributes:
        failure: why the operation failed, once the answer is encoded; None: it succeeded.
    """

    media_type: ClassVar[str] = "application/json"

    def __init__(self, now: int, limits: JSON | None = None) -> None:
        self._limits = limits or JSON()
        self.max_depth = self._limits.max_depth
        self.max_items = self._limits.max_items
        self.max_bytes = self._limits.max_bytes
        self.failure: ResultReason | None = None
        self._now = now
        self._name = ""
        self._is_older = False
        self._is_message = False
        self._tags: tuple[str, ...] | None = None

    def decode(self, data: bytes) -> Item:
        """The request message that asks for the operation.

        Raises:
            InvalidMessage: the bytes are no operation.
            InvalidField: a list of tags is none.
            CovercryptUnsupported: it is about Covercrypt.
        """
        root = self._limits.parse(data)
        try:
            return from_object(self._message(root), max_depth=self.max_depth)
        except RecursionError:
            raise InvalidMessage("structures are nested too deep") from None

    def _message(self, root: Any) -> Any:
        """The message that a request is, as JSON of the specification."""
        if isinstance(root, dict) and root.get("tag") == "RequestMessage":
            self._is_message = True
            return root
        operation = requests.operation_of(root)
        self._name, self._is_older = root["tag"], "type" in root
        if not self._is_older:
            operation, root = newer.read(root, operation)
        payload = requests.payload_of(root)
        requests.complete(payload, operation)
        if self._is_older:
            requests.make_active(payload, operation, self._now)
        self._tags = requests.query_of(payload)
        items = [(operation, payload)]
        if self._tags is not None:
            items.insert(0, (Operation.LOCATE, requests.locate(self._tags)))
        return requests.message(*items)

    def encode(self, item: Item, version: ProtocolVersion = V1_0) -> bytes:
        """The answer: the operation's where it succeeded, else a text for people."""
        if self._is_message:
            return self._limits.encode(item, version)
        items = [child for child in item.children if child.tag == Tag.BATCH_ITEM]
        status = items[-1].first(Tag.RESULT_STATUS)
        if status is None or status.value != ResultStatus.SUCCESS:
            return encoded(self._failed(items), self.max_bytes)
        payload = items[-1].first(Tag.RESPONSE_PAYLOAD) or Item(Tag.RESPONSE_PAYLOAD, 1, ())
        found = to_object(payload, Meaning(), self.max_depth, V2_1)
        answer = responses.answer_of(found, self._name, is_older=self._is_older)
        return encoded(written(answer), self.max_bytes)

    def _failed(self, items: list[Item]) -> str:
        """Why there is no answer."""
        reason, message = items[-1].first(Tag.RESULT_REASON), items[-1].first(Tag.RESULT_MESSAGE)
        self.failure = ResultReason.GENERAL_FAILURE
        if reason is not None and isinstance(reason.value, int):
            self.failure = ResultReason(reason.value)
        located = items[0].first(Tag.RESPONSE_PAYLOAD) if self._tags is not None else None
        if located is not None and len(items) > 1:
            found = sum(each.tag == Tag.UNIQUE_IDENTIFIER for each in located.children)
            listed = ", ".join(self._tags or ())
            if found == 0:
                self.failure = ResultReason.ITEM_NOT_FOUND
                return f"no object has the tags {listed}"
            if found > 1:
                return f"several objects have the tags {listed}"
        return str(message.value) if message is not None else "the operation failed"
