"""AMD SEV-SNP: attestation reports, their chain to AMD, and their appraisal."""
