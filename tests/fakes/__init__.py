"""In-memory stand-ins for what lies below the flow, kept honest by tests/contracts/."""
