"""Who said it: identities, keystore, signing and sealing, trust bundle. The only importer of nacl and HPKE."""
