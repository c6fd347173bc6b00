"""``python -m sagecell_tx.kernelside.forkserver``: a fork server; in a forked process, a kernel."""

import signal
import sys

# Ctrl-C in a terminal reaches this process too, and would interrupt the imports below.
signal.signal(signal.SIGINT, signal.SIG_IGN)

from sagecell_tx.kernelside.forkserver.server import main  # noqa: E402

sys.exit(main())
