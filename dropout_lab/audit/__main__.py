"""``python -m dropout_lab.audit package.module:build_model --input 32x1x28x28``."""

import sys

from dropout_lab.audit.command_line import main

sys.exit(main())
