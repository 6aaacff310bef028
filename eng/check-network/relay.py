"""A slow or lossy link for kernels without netem: passes packets between two TUN devices.

    relay.py FIRST SECOND --delay MS --loss PERCENT

Makes both devices and writes a line when they are there; they can then be moved to other network namespaces. Packets that are
dropped are chosen by a fixed seed. Ends when it is killed.
"""

import argparse
import collections
import fcntl
import os
import random
import select
import struct
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LARGEST_PACKET = 65536


def open_device(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--delay", type=float, default=0, help="milliseconds, in each direction")
    parser.add_argument("--loss", type=float, default=0, help="percent of the packets, in each direction")
    arguments = parser.parse_args()
    first, second = open_device(arguments.first), open_device(arguments.second)
    other = {first: second, second: first}
    chance = random.Random(1)
    # (time to deliver, device, packet), in this order, since the delay is the same for all.
    waiting = collections.deque()
    print("ready", flush=True)
    while True:
        left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for device in select.select([first, second], [], [], left)[0]:
            packet = os.read(device, LARGEST_PACKET)
            if chance.random() * 100 >= arguments.loss:
                waiting.append((time.monotonic() + arguments.delay / 1000, other[device], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, device, packet = waiting.popleft()
            try:
                os.write(device, packet)
            except OSError:
                pass  # The device is down or its queue is full: a link loses such packets too.


main()
