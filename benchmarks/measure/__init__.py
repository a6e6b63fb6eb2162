"""What every benchmark shares: environments, processes, peers, results, tables. Standard library only."""
