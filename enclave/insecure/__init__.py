"""A software chip: the whole flow on any machine, and no protection at all.

It makes reports, quotes and derived keys exactly as SEV-SNP and TDX do, under throw-away vendors
of its own. Its secret lies in a file; whoever reads the file is the chip. So everything shown about
it says *simulated*, and three things keep it from passing for a real one:

- Its roots are its own. Verification under the vendors' roots refuses its evidence, and no setting
  adds a root to those.
- `Verified.simulated` is decided by the root's digest, not by what anybody says; the client of
  `enclave.client` refuses it unless `allow_insecure_simulated=True` was passed.
- `enclave.tee.find` does not know it. It is asked for by name.
"""

from enclave.insecure.chip import MEASUREMENT, SoftwareChip, SoftwareGuest
from enclave.insecure.tee import SoftwareTee, roots_in

__all__ = ["MEASUREMENT", "SoftwareChip", "SoftwareGuest", "SoftwareTee", "roots_in"]
