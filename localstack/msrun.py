"""Starts MiniStack, the emulator of the AWS APIs. Settings: its own environment variables (GATEWAY_PORT, BIND_HOST ...).

With EMULATOR_ENDS_WITH_STDIN=1 it ends, with every function process it started and all that they kept in the temporary
folder, as soon as its standard input closes: whoever started it holds the other end of a pipe and so cannot leave it
behind, however they end.
"""

import os
import shutil
import signal
import socketserver
import sys
import tempfile
import threading
import time

# Nagle's algorithm and delayed acknowledgements together cost 43 ms per invocation of a function.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def end_with_stdin(scratch):
    while sys.stdin.buffer.raw.read(4096):
        pass
    # Unpacked functions: processes that still run keep theirs open.
    shutil.rmtree(scratch, ignore_errors=True)
    # The whole process group, if it is ours: functions run in processes of their own.
    leads = os.getpgrp() == os.getpid()
    for number, seconds in ((signal.SIGTERM, 3), (signal.SIGKILL, 0)):
        if leads:
            os.killpg(os.getpgrp(), number)
        else:
            os.kill(os.getpid(), number)
        time.sleep(seconds)


if os.environ.get("EMULATOR_ENDS_WITH_STDIN") == "1":
    tempfile.tempdir = tempfile.mkdtemp(prefix="emulator-")
    threading.Thread(target=end_with_stdin, args=(tempfile.tempdir,), daemon=True).start()

from ministack.app import main  # noqa: E402

main()
