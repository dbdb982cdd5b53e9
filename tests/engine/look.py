"""A program that tries what a checked program may not do, and prints what came of it."""

LOOK = """
import json, os, socket
def tried(what):
    try:
        what()
    except OSError as error:
        return error.strerror
    return "done"
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    "ids": [os.getuid(), os.getgid(), os.getgroups()],
    "capabilities": sorted({value.strip() for name, value in status.items() if name.startswith("Cap")}),
    "no new privileges": status["NoNewPrivs"].strip(),
    "write": tried(lambda: open("/opt/app/new", "w")),
    "write over": tried(lambda: open("/opt/app/stage.py", "a")),
    "write tmp": tried(lambda: open("/tmp/new", "w")),
    "interfaces": sorted(os.listdir("/proc/sys/net/ipv4/conf")),
    "connect": tried(lambda: socket.create_connection(("192.0.2.1", 9), 1)),
    "own": tried(lambda: socket.create_connection(("127.0.0.1", 9), 1)),
    "devices": sorted(os.listdir("/dev")),
    "root": sorted(os.listdir("/")),
    "above": sorted(os.listdir("/../..")),
    "environment": dict(os.environ),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
    "cwd": os.getcwd(),
}))
"""
