"""A client in a TEE comes in at the real server by what it is."""

import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from enclave import report_data
from enclave.insecure.chip import SoftwareChip, SoftwareGuest
from enclave.insecure.tee import SoftwareTee
from enclave.supported import TEES
from kmip.enums import CredentialType, ObjectType, Operation
from kmip.messages import Attestation, Authentication, TicketCredential
from kmip.versions import V2_1
from server.access.attested_clients import EVIDENCE
from tests.e2e.program import running
from tests.server import samples
from tests.server.access.test_attested_clients import policy_of
from tests.server.requests.test_authentication import credential

pytestmark = pytest.mark.slow

MEASUREMENT = bytes(range(48))


async def test_a_client_attests_itself_and_goes_on_by_a_ticket(tmp_path: Path):
    chip = SoftwareChip.make(datetime.now(UTC))
    tee = SoftwareTee(SoftwareGuest(chip, measurement=MEASUREMENT))
    policy = tmp_path / "app.toml"
    policy.write_text(policy_of(MEASUREMENT, chip))
    words = ("--attested-clients", f"app={policy}", "--insecure-allow-simulated-clients")
    with running(tmp_path / "data", *words) as program:
        pem = (program.data / "tls" / "client.pem").read_text()
        certificate = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()
        async with program.client() as ask:
            query = ask.item(Operation.QUERY)
            header = (await ask.message(query, attestation_capable_indicator=True)).response_header
            assert header.nonce is not None
            data = report_data.of_client(header.nonce.nonce_value, certificate)
            evidence = await tee.evidence(data)
            value = Attestation(
                nonce=header.nonce,
                attestation_type=EVIDENCE,
                attestation_measurement=TEES[evidence.tee].encoding.write(evidence),
            )
            presented = credential(CredentialType.ATTESTATION, value, V2_1)
            login = ask.item(Operation.LOGIN)
            authentication = Authentication(credential=(presented,))
            (item,) = (await ask.message(login, authentication=authentication)).batch_item
            ticket = TicketCredential(ticket=ask.payload(item).ticket)
            presented = credential(CredentialType.TICKET, ticket, V2_1)
            fields = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": samples.aes()}
            making, finding = ask.item(Operation.CREATE, **fields), ask.item(Operation.LOCATE)
            known = {"authentication": Authentication(credential=(presented,))}
            (item,) = (await ask.message(making, **known)).batch_item
            key = ask.payload(item).unique_identifier
            assert (await ask(Operation.LOCATE)).unique_identifier == ()
            (item,) = (await ask.message(finding, **known)).batch_item
            assert ask.payload(item).unique_identifier == (key,)
        said = program.said()
        assert '"client": "attested:app", "how": "attestation"' in said
