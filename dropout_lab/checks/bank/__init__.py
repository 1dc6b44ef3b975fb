"""The misconception bank: data, one file for each family of slips. A new slip is a new row, and nothing else."""
