"""The ceremonies as commands: who is enrolled, what they may do, and which two people said so (docs/ceremonies.md).

officer agency contact operator    each party's own keys, and proposals about that party
bundle                             the task force's trust bundle: review, sign, publish
"""

from cli.ceremonies.bundle import bundle_app
from cli.ceremonies.people import agency_app, contact_app, fingerprint, officer_app, operator_app

__all__ = ["agency_app", "bundle_app", "contact_app", "fingerprint", "officer_app", "operator_app"]
