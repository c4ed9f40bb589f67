"""Is what a thinking says about a machine true? Names and states are compared with what the row itself says."""

from __future__ import annotations

import re
from typing import Literal

from agents.offline.machine import PARTITION

Boot = Literal["UEFI", "BIOS"]

_DISK = re.compile(
    r"(?<![\w-])(?:/dev/)?(nvme\d+n\d+(?:p\d+)?|mmcblk\d+(?:p\d+)?|[shv]d[a-z]\d*|xvd[a-z]\d*|sr\d|md\d+)\b"
)
_DEVICE = re.compile(r"/dev/([\w/-]*\w)")
_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[\s-]?(?:([kmgtKMGT])(?:i?[bB])?|(kilo|mega|giga|tera)bytes?|(gig)s?)\b")
_PATH = re.compile(r"(?<![\w/.:~*])~?(/[A-Za-z][\w.+@-]*(?:/[\w.+@-]+)*)")
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_NAME = re.compile(
    r"\b(?:(?:host|user) ?name(?: is| to| as| set to| of)?|(?:named|called)|account (?:for|of))\s+[\"'`“]?([\w-]+)",
    re.IGNORECASE,
)
_NO_NAME = frozenset(
    re.findall(
        r"\w+",
        """a an the this that it its is are was be being been for from in on of to or and with which what who so not no
        yet something anything one as by at has can must will should first before after only still already""",
    )
)
_USES = re.compile(
    r"\b(?:using|use|uses|running|run|runs|executing|executes|invoking|calling)\s+`?([a-z][\w.-]*)", re.IGNORECASE
)
_CODE = re.compile(r"`([A-Za-z][\w.-]*)[^`\n]*`")
"""What stands in backticks is said to stand somewhere, letter by letter."""
_PROGRAMS = frozenset(
    re.findall(
        r"\S+",
        """lsblk fdisk cfdisk sfdisk gdisk sgdisk cgdisk parted blkid wipefs dd shred mkfs mkswap swapon mount umount
        genfstab arch-chroot chroot pacman pacstrap apt apt-get dnf zypper rpm timedatectl hwclock localectl locale-gen
        loadkeys ip ping iwctl nmcli wpa_supplicant dhcpcd curl wget useradd usermod passwd chpasswd hostnamectl
        systemctl reboot shutdown poweroff efibootmgr grub-install grub-mkconfig bootctl mkinitcpio dracut cryptsetup
        pvcreate vgcreate lvcreate zpool mdadm e2fsck fsck smartctl hdparm recstrap recfstab recchroot visudo""",
    )
)
_BOOT_LINE = re.compile(r"^\W*(?:boot(?:[ _-]?mode)?|firmware)\s*[:=]\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_BOOT = re.compile(r"\b(UEFI|BIOS|legacy)\b", re.IGNORECASE)
_BOOT_CLAIM = re.compile(r"^[\s-]*(?:boot|system|machine|mode|firmware|install|computer|here\b)", re.IGNORECASE)
_NEGATED = re.compile(
    r"(?:\bnot?|\bnon|n['’]t|\bwithout|\brather than|\binstead of|\bunlike)(?: an?| the| in| use| using)*[\s-]*$",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^\W*([A-Za-z][\w /-]{1,30}?)\s*[:=]\s*(\S.*)$", re.MULTILINE)
_ABSENT = re.compile(
    r"^(?:none|no|not\b.*|unset|empty|nothing|n/a|unknown|-|disconnected|offline|down|false)\W*$", re.IGNORECASE
)
_OFFLINE = re.compile(r"\b(?:not connected|disconnected|offline|down|none|no)\b", re.IGNORECASE)
_ONLINE_CLAIM = re.compile(
    r"\b(?:network|internet|connection|wi-?fi|ethernet)(?: connection| access)? (?:is|being) (?:already |now )?"
    r"(connected|up|online|working|available|reachable|not\b[\w ]*|down|offline|disconnected|unavailable|missing)\b",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\b(?:if|whether|check(?:s|ing)? that|test(?:s|ing)? that)(?: the| their| its)?\s*$", re.IGNORECASE
)
_ONLY_DISK = re.compile(
    r"\b(?:the only (?:one|disk|drive)|only one (?:disk|drive)|(?:a|one) single (?:disk|drive))\b"
    r"(?! (?:that|which|with|without|of|big|large|free))",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z0-9][\w.+-]*")
_DULL = frozenset(
    re.findall(r"\w+", "the and for with from yes has are was were not none unknown system current state via over")
)


def machine_complaints(context: str, given: str, thinking: str) -> list[str]:
    """What `thinking` gets wrong or leaves out about the machine, one sentence each.

    `context` is the system state of the row (may be empty); `given` is all the row says: context, messages, response.
    """
    complaints = [
        f'"{name}" stands neither in the system state nor in the conversation or the response: take it out.'
        for name in dict.fromkeys(_invented(given, thinking))
    ]
    complaints += _boot_complaints(context, given, thinking)
    complaints += _network_complaints(context, thinking)
    complaints += _count_complaints(context, thinking)
    examples = _details(context)
    if examples and not _names_a_detail(context, thinking):
        shown = " or ".join(f'"{e}"' for e in examples[:2])
        complaints.append(f"Name a concrete detail of the system state that matters here, such as {shown}.")
    return complaints


def boot_mode(context: str) -> Boot | None:
    """The boot mode a system state declares, or None where it declares none or speaks of both."""
    line = _BOOT_LINE.search(context)
    modes = [_mode(m.group()) for m in _BOOT.finditer(line.group(1) if line else context)]
    return modes[0] if modes and (line or len(set(modes)) == 1) else None


def _mode(word: str) -> Boot:
    return "UEFI" if word.upper() == "UEFI" else "BIOS"


def _invented(given: str, thinking: str) -> list[str]:
    lowered = given.lower()
    disks = {m.group(1) for m in _DISK.finditer(given)}
    disks |= {PARTITION.sub("", d) for d in disks}
    found = [m.group() for m in _DISK.finditer(thinking) if m.group(1) not in disks]
    found += [
        m.group() for m in _DEVICE.finditer(thinking) if not _DISK.match(m.group()) and not _stands(m.group(1), given)
    ]
    sizes = {_size(m) for m in _SIZE.finditer(given)}
    found += [m.group() for m in _SIZE.finditer(thinking) if _size(m) not in sizes]
    found += [m for m in _ADDRESS.findall(thinking) if not _stands(m, given)]
    for match in _PATH.finditer(thinking):
        path = match.group(1).rstrip(".")
        if not path.startswith("/dev/") and path != "/dev" and not _stands(path, given):
            found.append(path)
    names = [m for m in _NAME.findall(thinking) if m.lower() not in _NO_NAME]
    found += [name for name in names if not _stands(name.lower(), lowered)]
    programs = [m.rstrip(".") for m in _USES.findall(thinking)]
    found += [p for p in programs if p.lower().split(".")[0] in _PROGRAMS and not _stands(p.lower(), lowered)]
    found += [m for m in _CODE.findall(thinking) if not _stands(m.lower(), lowered)]
    return found


def _stands(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _size(match: re.Match[str]) -> str:
    number, letter, word, gig = match.groups()
    return f"{float(number):g}{(letter or (word or gig or '')[:1]).upper()}"


def _boot_complaints(context: str, given: str, thinking: str) -> list[str]:
    declared = boot_mode(context)
    spoken = {_mode(m.group()) for m in _BOOT.finditer(given)}
    complaints = []
    for match in _BOOT.finditer(thinking):
        mode, negated = _mode(match.group()), bool(_NEGATED.search(thinking[: match.start()]))
        if declared and negated and mode == declared:
            complaints.append(f"The system state says that the boot mode is {declared}: do not deny it.")
        elif negated:
            continue
        elif declared and mode != declared and (mode not in spoken or _BOOT_CLAIM.match(thinking[match.end() :])):
            complaints.append(f'The boot mode is {declared}: correct "{match.group()}".')
        elif not declared and mode not in spoken:
            complaints.append(f'Nothing given says that the boot mode is "{match.group()}": take it out.')
    return list(dict.fromkeys(complaints))


def _network_complaints(context: str, thinking: str) -> list[str]:
    state = next(
        (value for key, value in _FIELD.findall(context) if re.search(r"network|internet", key, re.IGNORECASE)), None
    )
    if state is None:
        return []
    online = not _OFFLINE.search(state)
    for match in _ONLINE_CLAIM.finditer(thinking):
        if _ASKED.search(thinking[: match.start()]):  # "wants to know if the internet is working" claims nothing
            continue
        claimed = not re.match(r"not|down|off|dis|un|miss", match.group(1), re.IGNORECASE)
        if claimed != online:
            return [f'The system state says "{state.strip()}" of the network: correct "{match.group()}".']
    return []


def _count_complaints(context: str, thinking: str) -> list[str]:
    named = [m.group(1) for m in _DISK.finditer(context)]
    disks = list(dict.fromkeys(PARTITION.sub("", name) for name in named if name[:2] not in {"sr", "md"}))
    claimed = _ONLY_DISK.search(thinking)
    if claimed is None or len(disks) < 2:
        return []
    return [f'The system state has {len(disks)} disks ({", ".join(disks)}): correct "{claimed.group()}".']


def _details(context: str) -> list[str]:
    """Short names from the context that a thinking could use, the most telling first."""
    mode = boot_mode(context)
    disks = [m.group() for m in _DISK.finditer(context)]
    sizes = [m.group() for m in _SIZE.finditer(context)]
    fields = [f"{key.strip()}: {value.strip()}"[:60] for key, value in _FIELD.findall(context)]
    return list(dict.fromkeys([*([mode] if mode else []), *disks, *sizes, *fields]))


def _names_a_detail(context: str, thinking: str) -> bool:
    mode = boot_mode(context)
    if mode and any(_mode(m.group()) == mode for m in _BOOT.finditer(thinking)):
        return True
    disks = {m.group(1) for m in _DISK.finditer(context)}
    sizes = {_size(m) for m in _SIZE.finditer(context)}
    if disks & {m.group(1) for m in _DISK.finditer(thinking)} or sizes & {_size(m) for m in _SIZE.finditer(thinking)}:
        return True
    words = {w.lower().rstrip(".") for w in _WORD.findall(thinking)}
    for key, value in _FIELD.findall(context):
        # Of a thing that is not there, and of the network, only the name can be said: "no hostname yet", "is online".
        named = key if _ABSENT.match(value.strip()) or "network" in key.lower() else value
        if words & {w.lower() for w in _WORD.findall(named) if len(w) > 2 and w.lower() not in _DULL}:
            return True
    return False
