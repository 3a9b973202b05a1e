"""Evidence of what runs: made in a TEE, verified, and appraised by a policy (RFC 9334)."""
