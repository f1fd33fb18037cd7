"""What is said: identifiers, labels, data types, manifest, envelope and their bytes. No I/O, no clock, no crypto."""
