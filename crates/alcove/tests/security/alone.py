"""Runs a command where an address is this machine's own, and something listens there: call it in a network
namespace of its own. Usage: alone.py ADDRESS PORT COMMAND…"""

import os
import socket
import subprocess
import sys

address, port, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
ip = {"env": {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, "check": True}
subprocess.run(["ip", "link", "set", "lo", "up"], **ip)
six = ":" in address
more = ["nodad"] if six else []
if address != "127.0.0.1":
    bits = 128 if six else 32
    subprocess.run(["ip", "addr", "add", f"{address}/{bits}", "dev", "lo", *more], **ip)
listener = socket.create_server((address, port), family=socket.AF_INET6 if six else socket.AF_INET)
listener.set_inheritable(True)
os.execvp(command[0], command)
