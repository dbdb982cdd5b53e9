"""What does not have to be built: the remote cache, the ledger, the health of the local store."""
