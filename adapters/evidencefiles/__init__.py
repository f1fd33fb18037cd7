"""Evidence files at an agency: looked at, sealed on disk, sent and fetched in chunks (docs/evidence-files.md)."""
