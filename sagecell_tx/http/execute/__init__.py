"""``/api/execute``: one program, one answer, and no kernel that a client has to look after."""
