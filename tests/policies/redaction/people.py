"""The invented people of these tests, and two short ways to ask the engine."""

from __future__ import annotations

from policies.redaction.engine import redact
from policies.redaction.identity import Identity, Name

OKSANA = Identity(
    pseudonym="V-7K3Q-9MXA-TR",
    names=(Name(given="Oksana", middle="Petrivna", family="Popescu", aliases=("Roxy",), native=("Оксана Попеску",)),),
    numbers=("FH736204",),
    phones=("+44 7700 900588",),
    emails=("oksana.popescu@post.example",),
    handles=("@oks_k94",),
    urls=("https://adverts.example/oks-94",),
    birthdates=("1998-04-17",),
    addresses=("12 Harbour Steps, Portwick, PW4 2AB",),
    accounts=("GB33BUKB20201555555555",),
    plates=("AB12 CDE",),
)
HOPE = Identity(pseudonym="V-R4HD-2WPZ-6N", names=(Name(given="Hope", family="Osagiede"),))
YUSUF = Identity(pseudonym="V-DQ5W-84NM-XG", names=(Name(given="Yusuf", family="al-Khatib", native=("يوسف الخطيب",)),))
XIAOMING = Identity(pseudonym="V-T1EK-6CRV-93", names=(Name(given="Xiaoming", family="Wang", native=("王小明",)),))
LAN = Identity(pseudonym="V-C9TY-KF31-8E", names=(Name(given="Lan", middle="Thị", family="Nguyễn"),))
LAN_BROTHER = Identity(pseudonym="V-0MXB-75QJ-HW", names=(Name(given="Hùng", middle="Văn", family="Nguyễn"),))
EVERYONE = (OKSANA, HOPE, YUSUF, XIAOMING, LAN, LAN_BROTHER)
SUSPECTS = (Name(given="Ion", family="Popescu"), Name(given="Marin", family="Dobre"))


def out(text: str, *people: Identity) -> str:
    return redact(text, people or EVERYONE, kept=SUSPECTS).text
