"""SockJS 0.3, and the single connection over which all cells of a page reach their kernels."""
