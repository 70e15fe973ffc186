"""Runs the scripts of this folder one after the other in one process, since importing PyTorch takes
longer than most of them.

Each line of standard input is the name of a script and its arguments, separated by tabs. The answer
is a line of JSON: null, or what the script printed and the trace of its failure.
"""

import contextlib
import importlib
import io
import json
import os
import sys
import traceback

# What native code prints shall not stand among the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    sys.argv = line.rstrip("\n").split("\t")
    said, failed = io.StringIO(), False
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            failed = bool(importlib.import_module(sys.argv[0].removesuffix(".py")).main())
        except BaseException:
            failed = True
            traceback.print_exc()
    print(json.dumps(said.getvalue() if failed else None), file=answers, flush=True)
