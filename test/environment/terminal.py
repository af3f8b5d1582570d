"""Runs a command on a terminal of its own: `terminal.py ROWS COLUMNS PID-FILE COMMAND...`.

What the terminal shows goes to standard output. Lines on standard input say what becomes of it: "stop" (nobody reads it
any more, as after Ctrl-S), "close" (the window is closed: the kernel hangs it up), "key X" (X is typed; "key ^C" for
Ctrl-C). Ends as the command did, with 128 + the signal's number where a signal ended it.
"""
import fcntl, os, pty, select, struct, sys, termios

rows, columns, pid_file, *command = sys.argv[1:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', int(rows), int(columns), 0, 0))
child = os.fork()
if child == 0:
    # Not the leader of the terminal's session where it is not to be told of the hangup, as after `disown`.
    os.setsid()
    if not os.environ.get('NO_HANGUP'):
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.closerange(3, 256)
    os.execvp(command[0], command)
os.close(slave)
with open(pid_file, 'w') as file:
    file.write(str(child))
reads, is_open, commands = True, True, b''
inputs = {0}
while True:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        break
    wanted = list(inputs) + ([master] if is_open and reads else [])
    ready, _, _ = select.select(wanted, [], [], 0.05)
    if 0 in ready:
        data = os.read(0, 4096)
        if not data:
            inputs.discard(0)
        commands += data
        *lines, commands = commands.split(b'\n')
        for line in lines:
            if line == b'stop':
                reads = False
            elif line == b'close' and is_open:
                os.close(master)
                is_open = False
            elif line.startswith(b'key ') and is_open:
                key = line[4:]
                os.write(master, bytes([key[1] & 31]) if key[:1] == b'^' else key)
    if is_open and master in ready:
        try:
            os.write(1, os.read(master, 65536))
        except OSError:
            pass
while is_open and reads:
    ready, _, _ = select.select([master], [], [], 0)
    if not ready:
        break
    try:
        os.write(1, os.read(master, 65536))
    except OSError:
        break
sys.exit(os.waitstatus_to_exitcode(status) % 256 if not os.WIFSIGNALED(status) else 128 + os.WTERMSIG(status))
