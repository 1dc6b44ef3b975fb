"""``python -m dropout_lab.replications``."""

import sys

from dropout_lab.replications.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
