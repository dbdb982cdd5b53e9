"""What need not be built: the remote cache, the ledger, the health of the local store."""
