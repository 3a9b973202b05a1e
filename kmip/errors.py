"""The errors of a request, each with its Result Reason.

An error's text goes to the client, so it helps and contains no internals and no values. Its reason
is data: rows of (first version, Result Reason), because later versions have more precise reasons
than earlier ones. The client gets the reason of its request's version.
"""

from collections.abc import Sequence
from typing import ClassVar

from kmip.enums import ResultReason as R
from kmip.versions import V1_0, V1_1, V1_2, V1_4, V2_0, V2_1, V3_0, ProtocolVersion

Reasons = Sequence[tuple[ProtocolVersion, R]]

MAX_TEXT = 256
"""Characters of an error's text. It may quote what a client sent, of any length, and goes into the
response and the log, for each item of a batch."""

_CUT = "..."


def bounded(text: str) -> str:
    """A text as an error tells it: printable ASCII, `MAX_TEXT` characters at most."""
    printable = "".join(map(_printable, text[: MAX_TEXT + 1]))
    return printable if len(printable) <= MAX_TEXT else printable[: MAX_TEXT - len(_CUT)] + _CUT


def _printable(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


class KMIPError(Exception):
    """A request, or one item of its batch, failed.

    Args:
        problem: what is wrong; of a text that is long or not printable, what `bounded` leaves.

    Attributes:
        reasons: the Result Reason from each version on, oldest first.
        payload: the response payload of a failed item (a structure; only Check has one).
    """

    reasons: ClassVar[Reasons] = ((V1_0, R.GENERAL_FAILURE),)
    payload: object | None = None

    def __init__(self, problem: str = "") -> None:
        super().__init__(bounded(problem))

    def reason(self, version: ProtocolVersion) -> R:
        """The Result Reason that a client of `version` knows."""
        found = self.reasons[0][1]
        for first, reason in self.reasons:
            if first <= version:
                found = reason
        return found


class InvalidMessage(KMIPError):
    """The bytes are not a KMIP message of the version they claim."""

    reasons = ((V1_0, R.INVALID_MESSAGE),)

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(f"{path}: {problem}" if path else problem)


class ItemNotFound(KMIPError):
    """No object with this identifier that the client may see."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND),)


class ObjectNotFound(KMIPError):
    """The same from 2.1 on, where most operations have a reason of their own for it."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_1, R.OBJECT_NOT_FOUND))


class AttributesNotFound(KMIPError):
    """The same for Get Attributes, which 3.0 answers as 2.0 did (OASIS BL-M-20)."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_1, R.OBJECT_NOT_FOUND), (V3_0, R.ITEM_NOT_FOUND))


class ResponseTooLarge(KMIPError):
    """The response is longer than the client's Maximum Response Size."""

    reasons = ((V1_0, R.RESPONSE_TOO_LARGE),)


class AuthenticationNotSuccessful(KMIPError):
    """The credential is not valid."""

    reasons = ((V1_0, R.AUTHENTICATION_NOT_SUCCESSFUL),)


class OperationNotSupported(KMIPError):
    """The server does not perform this operation."""

    reasons = ((V1_0, R.OPERATION_NOT_SUPPORTED),)


class MissingData(KMIPError):
    """The request lacks something the operation needs."""

    reasons = ((V1_0, R.MISSING_DATA),)


class InvalidField(KMIPError):
    """A field of the request has a value that is not valid here."""

    reasons = ((V1_0, R.INVALID_FIELD),)


class ApplicationNamespaceNotSupported(KMIPError):
    """The server makes no Application Data for this Application Namespace (2.1 section 4.4)."""

    reasons = ((V1_0, R.APPLICATION_NAMESPACE_NOT_SUPPORTED),)


class MissingField(KMIPError):
    """A field or an attribute that the operation requires is not there (1.4 section 11)."""

    reasons = ((V1_0, R.INVALID_MESSAGE), (V2_0, R.INVALID_FIELD))


class FeatureNotSupported(KMIPError):
    """The server lacks this option of an operation it performs."""

    reasons = ((V1_0, R.FEATURE_NOT_SUPPORTED),)


class CryptographicFailure(KMIPError):
    """A cryptographic operation did not succeed; it does not say why."""

    reasons = ((V1_0, R.CRYPTOGRAPHIC_FAILURE),)


class PermissionDenied(KMIPError):
    """The client may not do this to this object."""

    reasons = ((V1_0, R.PERMISSION_DENIED),)


class WrongKeyLifecycleState(KMIPError):
    """The object's state forbids it; Permission Denied up to 2.0."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_1, R.WRONG_KEY_LIFECYCLE_STATE))


class ObjectArchived(KMIPError):
    """The object is archived: recover it first."""

    reasons = ((V1_0, R.OBJECT_ARCHIVED),)


class ObjectDestroyed(KMIPError):
    """The object's material is gone; Item Not Found up to 2.0, as clients of these expect."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_1, R.OBJECT_DESTROYED))


class ObjectAlreadyExists(KMIPError):
    """An Import names an identifier that is taken."""

    reasons = ((V1_0, R.INVALID_FIELD), (V1_4, R.OBJECT_ALREADY_EXISTS))


class IndexOutOfBounds(KMIPError):
    """No instance of the attribute has this index."""

    reasons = ((V1_0, R.INDEX_OUT_OF_BOUNDS), (V2_0, R.ITEM_NOT_FOUND))


class KeyFormatTypeNotSupported(KMIPError):
    """The object cannot be returned in this format."""

    reasons = ((V1_0, R.KEY_FORMAT_TYPE_NOT_SUPPORTED),)


class KeyCompressionTypeNotSupported(KMIPError):
    """The object cannot be returned in this compression."""

    reasons = ((V1_0, R.KEY_COMPRESSION_TYPE_NOT_SUPPORTED),)


class EncodingOptionError(KMIPError):
    """A key cannot be wrapped in this encoding."""

    reasons = ((V1_0, R.INVALID_FIELD), (V1_1, R.ENCODING_OPTION_ERROR))


class KeyValueNotPresent(KMIPError):
    """The server has the object without its key value."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V1_2, R.KEY_VALUE_NOT_PRESENT))


class Sensitive(KMIPError):
    """A sensitive object leaves the server only wrapped."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V1_4, R.SENSITIVE))


class NotExtractable(KMIPError):
    """The object's material does not leave the server."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V1_4, R.NOT_EXTRACTABLE))


class InvalidTicket(KMIPError):
    """The ticket is unknown or has expired."""

    reasons = ((V1_0, R.AUTHENTICATION_NOT_SUCCESSFUL), (V2_0, R.INVALID_TICKET))


class UsageLimitExceeded(KMIPError):
    """The object's usage limits do not allow this much more."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_0, R.USAGE_LIMIT_EXCEEDED))


class ReadOnlyAttribute(KMIPError):
    """The client may not add or set this attribute (2.1 sections 6.1.2, 6.1.3 and 6.1.51)."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_0, R.READ_ONLY_ATTRIBUTE))


class AttributeReadOnly(KMIPError):
    """The same in all other operations, which set, change or delete the attribute."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_0, R.ATTRIBUTE_READ_ONLY))


class MultiValuedAttribute(KMIPError):
    """Set Attribute needs an attribute with one value."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.MULTI_VALUED_ATTRIBUTE))


class AttributeExists(KMIPError):
    """The attribute to be added has its one value already (1.4 section 11.15)."""

    reasons = ((V1_0, R.ILLEGAL_OPERATION), (V2_0, R.ATTRIBUTE_SINGLE_VALUED))


class AttributeSingleValued(KMIPError):
    """The request gives several values of an attribute that has one."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.ATTRIBUTE_SINGLE_VALUED))


class NonUniqueNameAttribute(KMIPError):
    """Another object has the name, or the object has it already."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.NON_UNIQUE_NAME_ATTRIBUTE))


class UnsupportedAttribute(KMIPError):
    """The server does not know the attribute."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.UNSUPPORTED_ATTRIBUTE))


class AttributeInstanceNotFound(KMIPError):
    """The attribute has no such value."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_0, R.ATTRIBUTE_INSTANCE_NOT_FOUND))


class AttributeNotFound(KMIPError):
    """The object has no such attribute."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_0, R.ATTRIBUTE_NOT_FOUND))


class NoUsageLimits(KMIPError):
    """Get Usage Allocation of an object without Usage Limits (1.4 section 11.19; 2.1 6.1.23.1)."""

    reasons = ((V1_0, R.ILLEGAL_OPERATION), (V2_0, R.ATTRIBUTE_NOT_FOUND))


class OffsetWithDates(KMIPError):
    """An Offset is given beside dates that it would set (1.4 sections 11.5, 11.6 and 11.9)."""

    reasons = ((V1_0, R.INVALID_MESSAGE), (V2_0, R.INVALID_FIELD))


class OffsetWithoutActivation(KMIPError):
    """An Offset for dates that are counted from no Activation Date (1.4 sections 11.5, 11.6)."""

    reasons = ((V1_0, R.ILLEGAL_OPERATION), (V2_0, R.INVALID_FIELD))


class InvalidAttribute(KMIPError):
    """The attribute does not apply here."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.INVALID_ATTRIBUTE))


class NumericRange(KMIPError):
    """An adjusted number would leave its type's range."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.NUMERIC_RANGE))


class InvalidDataType(KMIPError):
    """The attribute's type does not allow the operation."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.INVALID_DATA_TYPE))


class BadCryptographicParameters(KMIPError):
    """The cryptographic parameters contradict the key or each other."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.BAD_CRYPTOGRAPHIC_PARAMETERS))


class UnsupportedCryptographicParameters(KMIPError):
    """The server cannot compute with these cryptographic parameters."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS))


class BadPassword(KMIPError):
    """The password does not open the object."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_0, R.BAD_PASSWORD))


class IncompatibleCryptographicUsageMask(KMIPError):
    """The object's usage mask does not allow this use."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_0, R.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK))


class InvalidObjectType(KMIPError):
    """The operation does not apply to this type of object."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.INVALID_OBJECT_TYPE))


class NotCreated(KMIPError):
    """Create of a type of object that it does not make (1.4 section 11.2; 2.1 section 6.1.8.1)."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_1, R.INVALID_OBJECT_TYPE))


class InvalidCorrelationValue(KMIPError):
    """No stream with this correlation value."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_0, R.INVALID_CORRELATION_VALUE))


class InvalidAsynchronousCorrelationValue(KMIPError):
    """No asynchronous operation with this correlation value."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_0, R.INVALID_ASYNCHRONOUS_CORRELATION_VALUE))


class DuplicateProcessRequest(KMIPError):
    """The asynchronous request has ended already."""

    reasons = ((V1_0, R.GENERAL_FAILURE), (V2_1, R.DUPLICATE_PROCESS_REQUEST))


class PKCS11InvalidFunction(KMIPError):
    """The server does not perform this function of PKCS#11."""

    reasons = ((V1_0, R.OPERATION_NOT_SUPPORTED), (V2_0, R.PKCS_11_INVALID_FUNCTION))


class PKCS11InvalidInterface(KMIPError):
    """The server does not know this interface of PKCS#11."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.PKCS_11_INVALID_INTERFACE))


class InvalidCSR(KMIPError):
    """The certificate request is not valid."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.INVALID_CSR))


class MissingInitializationVector(KMIPError):
    """The mode needs an initialization vector."""

    reasons = ((V1_0, R.INVALID_MESSAGE), (V2_0, R.MISSING_INITIALIZATION_VECTOR))


class ServerLimitExceeded(KMIPError):
    """The request exceeds a limit of the server."""

    reasons = ((V1_0, R.GENERAL_FAILURE), (V2_0, R.SERVER_LIMIT_EXCEEDED))


class AttestationRequired(KMIPError):
    """Nothing says who asks, and the client says that it can attest itself."""

    reasons = ((V1_0, R.AUTHENTICATION_NOT_SUCCESSFUL), (V1_2, R.ATTESTATION_REQUIRED))


class AttestationFailed(KMIPError):
    """The client's attestation does not hold."""

    reasons = ((V1_0, R.AUTHENTICATION_NOT_SUCCESSFUL), (V1_2, R.ATTESTATION_FAILED))


class UnknownMessageExtension(KMIPError):
    """A message extension is critical, and the server does not know it."""

    reasons = ((V1_0, R.FEATURE_NOT_SUPPORTED), (V2_0, R.UNKNOWN_MESSAGE_EXTENSION))


class UnsupportedProtocolVersion(KMIPError):
    """The server does not speak the request's version."""

    reasons = ((V1_0, R.INVALID_MESSAGE), (V2_0, R.UNSUPPORTED_PROTOCOL_VERSION))


class WrappingObjectNotFound(KMIPError):
    """No wrapping key with this identifier that the client may see."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_0, R.WRAPPING_OBJECT_NOT_FOUND))


class WrappingObjectDestroyed(KMIPError):
    """The wrapping key is destroyed."""

    reasons = ((V1_0, R.ITEM_NOT_FOUND), (V2_0, R.WRAPPING_OBJECT_DESTROYED))


class WrappingObjectArchived(KMIPError):
    """The wrapping key is archived."""

    reasons = ((V1_0, R.OBJECT_ARCHIVED), (V2_0, R.WRAPPING_OBJECT_ARCHIVED))


class ProtectionStorageUnavailable(KMIPError):
    """No storage with the requested protection."""

    reasons = ((V1_0, R.FEATURE_NOT_SUPPORTED), (V2_0, R.PROTECTION_STORAGE_UNAVAILABLE))


class ConstraintViolation(KMIPError):
    """The server's constraints forbid it."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_1, R.CONSTRAINT_VIOLATION))


class NotAuthorised(KMIPError):
    """The client is known and may not do this."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_0, R.NOT_AUTHORISED))
