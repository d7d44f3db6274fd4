"""The commands of ``theorems``, a file each; `theorems.cli` puts them together."""
