#!/usr/bin/python3
# Stands in for the runner: answers one question a connection, on descriptor 3.
# A question is a line of JSON; the answer is one, too.
import json, os, signal, socket, subprocess, sys

assert sys.argv[1:] in (["runner"], ["runner", "--confined"]), sys.argv
listener = socket.socket(fileno=3)
groups = [int(n) for n in os.environ.get("ALCOVE_CGROUP_FDS", "").split(",") if n]
# Programs that ended are reaped, also those that their parents left.
import ctypes
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def join_groups():
    for fd in groups:
        os.write(fd, b"0")


def answer(question):
    if "sh" in question:  # a program, as a terminal would start it
        done = subprocess.run(["/bin/sh", "-c", question["sh"]], preexec_fn=join_groups,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=question.get("timeout", 60))
        return {"code": done.returncode, "text": done.stdout.decode(errors="replace")}
    if "leave" in question:  # a program that goes on by itself
        child = subprocess.Popen(["/bin/sh", "-c", question["leave"]], preexec_fn=join_groups, start_new_session=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return {"code": 0, "text": str(child.pid)}
    if "exit" in question:
        os._exit(question["exit"])
    return {"code": 0, "text": json.dumps({"pid": os.getpid(), "env": dict(os.environ)})}


while True:
    connection, _ = listener.accept()
    with connection:
        try:
            line = connection.makefile().readline()
            connection.sendall(json.dumps(answer(json.loads(line))).encode() + b"\n")
        except Exception as error:
            try:
                connection.sendall(json.dumps({"code": -1, "text": repr(error)}).encode() + b"\n")
            except OSError:
                pass
