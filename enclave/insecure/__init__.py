"""A simulated TEE: the whole flow on any machine, and no protection at all.

The software chip makes reports, quotes and derived keys exactly as SEV-SNP and TDX do, under
vendors of its own. Its secret is in a file; anyone who reads the file can act as the chip. So all
that is displayed about it says *simulated*, and three things keep it from passing for a real one:

- Its roots are its own. Verification under the vendors' roots refuses its evidence, and no setting
  adds a root to those.
- `Verified.simulated` is decided by the root's digest, not by any statement; the client of
  `enclave.client` refuses it unless `allow_insecure_simulated=True` was passed.
- It has no row in `enclave.supported`, so that no machine is found to be one. It is made by name.
"""

from enclave.insecure.chip import MEASUREMENT, SoftwareChip, SoftwareGuest
from enclave.insecure.tee import SoftwareTee, roots_in

__all__ = ["MEASUREMENT", "SoftwareChip", "SoftwareGuest", "SoftwareTee", "roots_in"]
