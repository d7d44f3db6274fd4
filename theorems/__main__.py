"""``python -m theorems`` is the command ``theorems``."""

from theorems.cli import main

if __name__ == "__main__":
    main()
