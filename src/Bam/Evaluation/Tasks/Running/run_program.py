"""Runs the Python program on standard input; writes the token that is given as argument if it ends without an exception, else the
exception. The program has no access to the real standard output."""
import os
import sys

token, sys.argv = sys.argv[1], [""]
program = sys.stdin.buffer.read().decode()
verdict, nothing = os.dup(1), os.open(os.devnull, os.O_RDWR)
for descriptor in (0, 1, 2):
    os.dup2(nothing, descriptor)
os.chdir("/tmp")
try:
    exec(compile(program, "program.py", "exec"), {})
    result = token
except BaseException as error:
    result = f"{type(error).__name__}: {error}"[:200]
os.write(verdict, result.encode(errors="replace"))
os._exit(0)
