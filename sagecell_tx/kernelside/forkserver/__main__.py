"""``python -m sagecell_tx.kernelside.forkserver``: a fork server; in a forked process, a kernel."""

import sys

from sagecell_tx.kernelside.forkserver.server import main

sys.exit(main())
