"""Image ids, digests, references and hosts: parsed here and nowhere else."""
