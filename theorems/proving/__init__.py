"""Claims decided for all sizes by normal forms: see `theorems.proving.deciding`."""
