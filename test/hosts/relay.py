"""Network cables between hosts that are network namespaces of one machine, with delay and loss.

Each cable is two TAP devices, one in the host's namespace and one in the switch's. Whatever frame the kernel sends on
one is given to the kernel on the other, after the delay, or never. So TCP sees what it would see on a real wire: late
and missing packets. A TAP that offers no offloads gets frames of at most the MTU, with their checksums.

Reads one JSON object from its arguments: {"delayMs": 5, "loss": 0.001, "seed": 1, "cables": [{"name": "w1",
"host": [namespace, device], "switch": [namespace, device]}]}. Says "ready" when the devices are there. Then takes lines
"unplug NAME", "plug NAME" and "stats", and answers each with one line. Ends with its stdin.
"""
import collections
import ctypes
import fcntl
import json
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, TUNSETCARRIER = 0x400454CA, 0x400454E2
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
# Frames under way on a cable; what comes on top is lost, as at a full queue of a switch.
MAX_QUEUED = 4096
MAX_FRAME_BYTES = 65536
BURST = 64

libc = ctypes.CDLL(None, use_errno=True)


def tap(namespace, device):
    with open(f"/var/run/netns/{namespace}") as target:
        if libc.setns(target.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
    return fd


class Cable:
    def __init__(self, host, switch):
        self.ends = (tap(*host), tap(*switch))
        self.plugged = True
        self.forwarded = self.lost = 0

    def set_plugged(self, plugged):
        self.plugged = plugged
        for fd in self.ends:
            fcntl.ioctl(fd, TUNSETCARRIER, struct.pack("I", plugged))


def main():
    options = json.loads(sys.argv[1])
    delay, loss = options["delayMs"] / 1000, options["loss"]
    chance = random.Random(options["seed"])
    cables = {of["name"]: Cable(of["host"], of["switch"]) for of in options["cables"]}
    # Of each device that is read: its cable, and the device at the cable's other end.
    ways = {}
    for cable in cables.values():
        near, far = cable.ends
        ways[near], ways[far] = (cable, far), (cable, near)
    poll = select.epoll()
    for fd in (*ways, 0):
        poll.register(fd, select.EPOLLIN)
    # The delay is the same for all: what came first goes first.
    under_way = collections.deque()

    def answer(line):
        command, _, name = line.partition(" ")
        if command == "stats":
            return json.dumps({name: {"forwarded": of.forwarded, "lost": of.lost} for name, of in cables.items()})
        cables[name].set_plugged(command == "plug")
        return "done"

    def deliver(now):
        while under_way and under_way[0][0] <= now:
            _, cable, fd, frame = under_way.popleft()
            if not cable.plugged:
                continue
            try:
                os.write(fd, frame)
                cable.forwarded += 1
            except OSError:
                cable.lost += 1

    def take(fd, now):
        cable, far = ways[fd]
        for _ in range(BURST):
            try:
                frame = os.read(fd, MAX_FRAME_BYTES)
            except OSError:
                return
            if not cable.plugged:
                continue
            if chance.random() < loss or len(under_way) >= MAX_QUEUED:
                cable.lost += 1
            else:
                under_way.append((now + delay, cable, far, frame))

    print("ready", flush=True)
    pending = ""
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for fd, _ in poll.poll(wait):
            if fd != 0:
                take(fd, time.monotonic())
                continue
            text = os.read(0, 4096).decode()
            if text == "":
                return
            *lines, pending = (pending + text).split("\n")
            for line in lines:
                print(answer(line), flush=True)
        deliver(time.monotonic())


main()
