"""``twistd sagecell-tx``."""

from twisted.application.service import ServiceMaker

sagecell_tx = ServiceMaker(
    "sagecell-tx",
    "sagecell_tx.tap",
    "Live cells for web pages: permalinks, websockets and forked Jupyter kernels.",
    "sagecell-tx",
)
