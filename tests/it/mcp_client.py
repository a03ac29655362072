"""Calls every tool of `anchord mcp` through the SDK for Python (PyPI: mcp)."""

import asyncio
import os
import re
import sys

from mcp import ClientSession, StdioServerParameters, stdio_client

TOOLS = os.environ["ANCHORD_IT_TOOLS"].split(",")

# These are refused here or find nothing, but are understood.
OTHERS = {
    "list": {},
    "search": {"pattern": "two"},
    "outline": {"path": "a"},
    "symbol": {"path": "a", "symbol": "x", "action": "delete"},
    "match": {"pattern": "f($A)"},
    "rewrite": {"pattern": "f($A)", "rewrite": "g($A)"},
    "rename": {"path": "a", "to": "uno", "line": 1, "name": "one"},
    "rename_file": {"path": "a", "to": "b", "dry_run": True},
    "diagnostics": {"path": "a"},
    "lookup": {"what": "definition", "path": "a", "line": 1, "name": "one"},
    "actions": {"path": "a"},
    "format": {"path": "a", "dry_run": True},
    "servers": {},
}


async def main(program, root):
    server = StdioServerParameters(
        command=program,
        args=["mcp", "--root", root, "--tools", "all", "--durability", "none", "--idle-exit", "1"],
        env={"XDG_STATE_HOME": root + "/../home"},
    )
    async with stdio_client(server) as (reader, writer):
        async with ClientSession(reader, writer) as session:
            await session.initialize()
            listed = await session.list_tools()
            assert [tool.name for tool in listed.tools] == TOOLS, listed
            await use(session)


async def use(session):
    called = set()

    async def call(tool, **arguments):
        called.add(tool)
        result = await session.call_tool(tool, arguments)
        return vars(result).get("is_error", vars(result).get("isError")), result.content[0].text

    failed, text = await call("read", path="a")
    assert not failed and text.endswith("\n2\ttwo\n3\tthree"), text
    handle = re.match(r"@a (\d+)\n", text)[1]
    failed, text = await call("read", path="a", known=handle)
    assert text == f"@a {handle}\nunchanged", text
    failed, text = await call("edit", text=f"@a {handle}\n2c\nTWO\n.\n", why="louder")
    assert not failed and text.startswith("applied as operation 1\n"), text
    failed, text = await call("edit", text=f"@a {handle}\n2c\n2\n.\n")
    assert failed and text.startswith("stale: "), text
    token = re.search(r"retry (r\d+)", text)[1]
    failed, text = await call("retry", token=token, choice="accept")
    assert not failed and text.startswith("applied as operation 2\n"), text
    failed, text = await call("undo", operation=2)
    assert not failed, text
    failed, text = await call("redo")
    assert not failed, text
    failed, text = await call("undo")
    assert not failed, text
    failed, text = await call("log", limit=1)
    assert not failed and text.startswith("5 undo of 4 by "), text
    failed, text = await call("show", operation=1)
    assert not failed and "\n-two\n+TWO\n" in text, text
    failed, text = await call("stats")
    assert not failed and text.startswith("all: 2 edits, 1 at first try, 2 landed"), text
    read = await session.read_resource(f"anchord:///a?handle={handle}")
    assert read.contents[0].text.endswith("\n2\ttwo\n3\tthree"), read
    for tool, arguments in OTHERS.items():
        _, text = await call(tool, **arguments)
        assert text, tool
    assert called == set(TOOLS), set(TOOLS) - called
    print("every tool called")


asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2]), 60))
