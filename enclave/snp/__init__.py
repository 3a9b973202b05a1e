"""AMD SEV-SNP: attestation reports, their chain to AMD, and their appraisal."""

from typing import Final

from enclave.evidence import TEE

SEV_SNP: Final = TEE("sev-snp")
