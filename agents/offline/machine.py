"""What a system state says about a machine, and what the common installer programs do to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DISK: Final = re.compile(r"(?<![\w-])(?:/dev/)?(nvme\d+n\d+(?:p\d+)?|mmcblk\d+(?:p\d+)?|[shv]d[a-z]\d*)\b")
PARTITION: Final = re.compile(r"(?<=\d)p\d+$|(?<=[shv]d[a-z])\d+$")
"""What the name of a partition has beyond that of its disk: sda1, nvme0n1p1."""
SIZE: Final = re.compile(r"(?<![\w.])\d+(?:\.\d+)?\s?(?:[KMGT]i?B?)\b")
_FIELD: Final = re.compile(r"^\W*([A-Za-z][\w /-]{1,30}?)\s*[:=]\s*(\S.*)$", re.MULTILINE)
_SIZED: Final = re.compile(rf"{DISK.pattern}[\s:(,-]*(?:[\w.-]+ )?\(?({SIZE.pattern})")
_STEP: Final = re.compile(r"&&|\|\||[;|\n]")

PROGRAMS: Final[dict[str, str]] = {
    "lsblk": "lists the block devices with their sizes, which shows what there is to install on",
    "fdisk": "shows or edits the partition table of a disk",
    "sfdisk": "writes a partition table from a script, without asking back",
    "gdisk": "edits the GPT partition table of a disk",
    "sgdisk": "writes a GPT partition table without asking back",
    "parted": "writes partition tables and partitions from the command line",
    "wipefs": "clears old file system signatures, so that nothing mistakes the disk for a used one",
    "blkid": "shows the UUID and file system type of each partition",
    "mkfs.ext4": "puts an ext4 file system on a partition",
    "mkfs.btrfs": "puts a btrfs file system on a partition",
    "mkfs.xfs": "puts an XFS file system on a partition",
    "mkfs.fat": "puts a FAT file system on a partition, the one kind that UEFI firmware must be able to read",
    "mkfs.vfat": "puts a FAT file system on a partition, the one kind that UEFI firmware must be able to read",
    "mkswap": "marks a partition as swap space",
    "swapon": "turns swap space on",
    "mount": "attaches a file system to a folder, so that files can be written to it",
    "umount": "detaches file systems cleanly, so that nothing unwritten is lost",
    "cryptsetup": "sets up an encrypted volume that asks for a passphrase",
    "pvcreate": "prepares a partition for LVM",
    "pacstrap": "installs the base packages into the mounted root",
    "recstrap": "unpacks the base system into the mounted root",
    "genfstab": "writes down the mounted file systems, so that they come back at each start",
    "recfstab": "writes down the mounted file systems, so that they come back at each start",
    "arch-chroot": "runs a command inside the new system",
    "recchroot": "runs a command inside the new system",
    "chroot": "runs a command inside the new system",
    "pacman": "installs or updates packages over the network",
    "timedatectl": "sets the clock, the time zone and time synchronisation",
    "hwclock": "writes the system time to the hardware clock",
    "ln": "makes a link",
    "locale-gen": "builds the chosen locales",
    "localectl": "sets the locale and the keyboard layout",
    "loadkeys": "changes the console's keyboard layout at once",
    "ip": "shows network interfaces, addresses and routes",
    "ping": "sends test packets, which shows whether the network answers",
    "iwctl": "connects the machine to a wireless network",
    "nmcli": "connects and configures networks through NetworkManager",
    "curl": "fetches a file over the network",
    "useradd": "creates a user account",
    "usermod": "changes the groups or the settings of a user account",
    "passwd": "sets a password, which it asks for at the terminal",
    "chpasswd": "sets passwords from its input, without asking back",
    "hostnamectl": "sets the name of the machine",
    "systemctl": "starts services or enables them for each start",
    "efibootmgr": "lists or changes the boot entries of UEFI firmware",
    "grub-install": "installs the GRUB boot loader",
    "grub-mkconfig": "writes GRUB's menu from the kernels it finds",
    "bootctl": "installs or checks systemd-boot, a boot loader for UEFI",
    "mkinitcpio": "builds the initial RAM disk that the kernel starts from",
    "reboot": "restarts the machine",
    "poweroff": "switches the machine off",
    "shutdown": "brings the machine down in order",
    "free": "shows how much memory is used and free",
    "df": "shows how full the mounted file systems are",
    "cat": "shows what a file holds",
    "ls": "lists what a folder holds",
    "echo": "writes a line of text",
    "dd": "copies raw blocks",
}
NETWORKED: Final = frozenset(["pacman", "pacstrap", "ping", "ip", "iwctl", "nmcli", "curl", "timedatectl"])
BOOTING: Final = frozenset(
    ["sgdisk", "gdisk", "parted", "fdisk", "sfdisk", "efibootmgr", "grub-install", "bootctl", "mkfs.fat", "mkfs.vfat"]
)
STORAGE: Final = frozenset(
    p for p in PROGRAMS if p.startswith(("mk", "swap", "wipe")) and p != "mkinitcpio"
) | frozenset(
    ["lsblk", "mount", "umount", "cryptsetup", "blkid", "pvcreate", "df", "dd", "genfstab", "recfstab", *BOOTING]
)


@dataclass(frozen=True, slots=True)
class State:
    """A system state. Texts are exactly as it writes them; empty where it says nothing."""

    boot: str
    disks: tuple[tuple[str, str], ...]
    """(name as written, size or empty), whole disks before partitions, as they come."""
    network: str
    fields: tuple[tuple[str, str], ...]
    """Every "Key: value" line."""


def read_state(context: str) -> State:
    """The state that a context describes, in lines or in prose."""
    found = tuple((k.strip(), v.strip()) for k, v in _FIELD.findall(context))
    line = next((v for k, v in found if re.search(r"boot|firmware", k, re.IGNORECASE)), context)
    mode = re.search(r"\b(UEFI|legacy BIOS|BIOS|legacy)\b", line, re.IGNORECASE)
    sizes = {m.group(1): m.group(2) for m in _SIZED.finditer(context)}
    named = dict.fromkeys((m.group(), m.group(1)) for m in DISK.finditer(context))
    disks = {base: (name, sizes.get(base, "")) for name, base in reversed(list(named))}
    network = next((v for k, v in found if re.search(r"network|internet", k, re.IGNORECASE)), "")
    return State(mode.group() if mode else "", tuple(reversed(list(disks.values()))), network, found)


def programs(command: str) -> list[str]:
    """The programs a command line runs, in order, each once; sudo, variables and the like are passed over."""
    names = []
    for step in _STEP.split(command):
        words = [
            w for w in step.split() if w not in {"sudo", "doas", "time", "yes"} and not re.fullmatch(r"\w+=\S*", w)
        ]
        if words and re.fullmatch(r"[\w./+-]+", words[0]):
            names.append(words[0].rsplit("/", 1)[-1])
    return list(dict.fromkeys(names))


def disk_in(text: str) -> str:
    """The first disk a text names, as written; a whole disk before a partition of one."""
    return next((m.group() for m in DISK.finditer(text)), "")
