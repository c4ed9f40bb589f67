"""What a line of a system state means for the programs of a response: the conclusion an installer's mind draws."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agents.offline import machine

_UNSET: Final = re.compile(r"^(?:none|not\b|no\b|unset|empty|-$)", re.IGNORECASE)
_AWAY: Final = re.compile(r"^(?:disconnected|none|down|offline|no\b)", re.IGNORECASE)
_MOUNTED: Final = re.compile(r"(\S+) on (/[\w/.-]*)")
_PARTITIONERS: Final = frozenset(["sgdisk", "gdisk", "parted", "fdisk", "sfdisk"])
_LOADERS: Final = frozenset(["grub-install", "bootctl"])
_SHOWS: Final = frozenset(["lsblk", "blkid", "df"])


def of(fact: str, programs: Sequence[str]) -> str:
    """What a "Key: value" line means where these programs are run, as a clause; empty where nothing is known."""
    key, _, value = (part.strip() for part in fact.partition(":"))
    key, run = key.casefold(), frozenset(programs)
    if "mount" in key:
        return _mounts(value, run)
    if "boot" in key or "firmware" in key:
        return _boot(value, run)
    if "disk" in key:
        return _disks(value, run)
    if "network" in key or "internet" in key:
        return _network(value, run)
    return "that is still to be done" if programs and _UNSET.match(value) else ""


def _mounts(value: str, run: frozenset[str]) -> str:
    if found := _MOUNTED.search(value):
        return f"the new system is at {found[2]}" if not run & {"umount", *_SHOWS} else f"{found[1]} is in use"
    if _UNSET.match(value) and run & machine.STORAGE:
        return "the new system is not attached yet" if "mount" in run else "nothing on the disk is in use"
    return ""


def _boot(value: str, run: frozenset[str]) -> str:
    uefi = "uefi" in value.casefold()
    if run & _LOADERS:
        return "the boot loader goes to the EFI system partition" if uefi else "the boot loader goes to the disk itself"
    if run & _PARTITIONERS:
        return "the disk needs an EFI system partition" if uefi else "the disk needs no EFI system partition"
    return ""


def _disks(value: str, run: frozenset[str]) -> str:
    count = len({machine.PARTITION.sub("", found[1]) for found in machine.DISK.finditer(value)})
    if count == 1:
        return "one disk will be shown" if run & _SHOWS else "there is only one to choose"
    return f"there are {'two' if count == 2 else count} to choose from" if count else ""


def _network(value: str, run: frozenset[str]) -> str:
    if not run & machine.NETWORKED:
        return ""
    if "ping" in run:
        return "no answer is to be expected" if _AWAY.match(value) else "an answer is to be expected"
    return "nothing can be fetched yet" if _AWAY.match(value) else "the network can be used"
