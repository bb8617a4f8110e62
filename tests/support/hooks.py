"""Hooks of the owner's."""

from support.server import Server


def hook(server: Server, script: str) -> None:
    """Give the PocketBase a hook of its owner's."""
    server.stop()
    hooks = server.folder / "pb_hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "main.pb.js").write_text(script)
    server.start()
