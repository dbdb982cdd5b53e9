"""Image ids, digests, references and hosts: texts that are taken apart here alone."""
