"""What a person reads who has just been woken: cause, evidence, what was done, whether it worked, what to do."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from orchestrator.core.incidents import Cause, Entry, EntryKind, Incident, Member
from orchestrator.core.model import Instant, Status
from orchestrator.core.notices import Dispatch, Kind, Notice
from orchestrator.core.notification import Notification, Tone
from orchestrator.runtime import wording

NOON = 1_705_312_800.0
NOW = Instant(0.0, NOON + 180.0)
CAUSE = Cause(
    "killed by OOM at its 512 MiB limit", "postgres", rule="oom", remedy="raise its memory limit", confidence="likely"
)


def entry(seconds: float, kind: EntryKind, text: str) -> Entry:
    return Entry(NOON + seconds, kind, "postgres", text)


INCIDENT = Incident(
    17,
    CAUSE,
    "postgres: killed by OOM at its 512 MiB limit",
    NOON,
    NOON - 1,
    members=(
        Member("postgres", "root", Status.STOPPED, NOON),
        *(Member(f"web-{number}", "dependent", Status.UNHEALTHY, NOON) for number in range(7)),
    ),
    timeline=(
        entry(1, "evidence", "exit code 137, oom_kill 1"),
        entry(2, "action", "restarted"),
        entry(3, "outcome", "restart failed: exited with code 137"),
        entry(60, "action", "restarted"),
    ),
)


def message(kind: Kind, incident: Incident = INCIDENT) -> Notification:
    return wording.compose(Dispatch("ops", (Notice(kind, incident, "k1"),)), "gpu-box", NOW)


def labelled(notification: Notification) -> dict[str, str]:
    lines = (line.split(":", 1) for line in notification.text.splitlines())
    return {label.strip(): words.strip() for label, words in lines}


def test_it_names_the_cause_the_evidence_what_was_done_whether_it_worked_and_what_to_do() -> None:
    told = message(Kind.OPENED)
    assert told.subject == "[gpu-box] postgres: killed by OOM at its 512 MiB limit"
    lines = labelled(told)
    assert list(lines) == ["Cause", "Evidence", "Affected", "Done", "Result", "To do", "Incident"]
    assert lines["Cause"] == "killed by OOM at its 512 MiB limit (likely)"
    assert lines["Evidence"] == "exit code 137, oom_kill 1"
    assert lines["Affected"] == "web-0, web-1, web-2, web-3, web-4 and 2 more"
    assert re.fullmatch(r"2 actions, the last at \d\d:\d\d:\d\d: restarted", lines["Done"])
    once = labelled(message(Kind.OPENED, replace(INCIDENT, timeline=INCIDENT.timeline[:2])))["Done"]
    assert re.fullmatch(r"at \d\d:\d\d:\d\d: restarted", once)
    assert lines["Result"] == "not well; the last outcome: restart failed: exited with code 137"
    assert lines["To do"] == "raise its memory limit"
    assert lines["Incident"].startswith("17 on gpu-box, open since ")
    assert lines["Incident"].endswith("(3 min): orchestrator incidents 17")


def test_the_subject_says_what_kind_of_news_it_is() -> None:
    critical = replace(INCIDENT, severity="critical")
    over = replace(INCIDENT, recovered_at=NOON + 120, closed_at=NOON + 150)
    title = INCIDENT.title
    told = {
        (Kind.OPENED, critical): (f"critical: {title}", Tone.BAD),
        (Kind.UPDATED, critical): (f"critical: {title}", Tone.BAD),
        (Kind.UPDATED, INCIDENT): (f"the cause is another: {title}", Tone.WARNING),
        (Kind.REMINDER, INCIDENT): (f"still open after 3 min: {title}", Tone.WARNING),
        (Kind.RESOLVED, over): (f"resolved after 2 min: {title}", Tone.GOOD),
    }
    for (kind, incident), (subject, tone) in told.items():
        notification = message(kind, incident)
        assert (notification.subject, notification.tone) == (f"[gpu-box] {subject}", tone)


def test_the_end_is_told_with_whether_all_is_well_and_with_nothing_to_do() -> None:
    over = replace(INCIDENT, recovered_at=NOON + 120, closed_at=NOON + 150)
    lines = labelled(message(Kind.RESOLVED, over))
    assert lines["Result"].startswith("all well since ")
    assert "To do" not in lines
    given_away = replace(over, recovered_at=None, timeline=(entry(9, "closed", "stopped by ann"),))
    lines = labelled(message(Kind.RESOLVED, given_away))
    assert (lines["Result"], lines["Done"]) == ("stopped by ann", "nothing")
    assert labelled(message(Kind.RESOLVED, replace(given_away, timeline=())))["Result"] == "closed"


@pytest.mark.parametrize(
    ("incident", "words"),
    [
        (INCIDENT, "nothing yet, it is being healed: orchestrator explain postgres"),
        (
            replace(INCIDENT, severity="critical"),
            "it does not heal by itself: see orchestrator explain postgres, orchestrator logs postgres",
        ),
        (replace(INCIDENT, cause=Cause("it is away", subject="engine")), "look at the host: orchestrator doctor"),
    ],
)
def test_where_no_remedy_is_known_the_next_step_is_told(incident: Incident, words: str) -> None:
    plain = replace(incident, cause=replace(incident.cause, remedy=""), timeline=())
    lines = labelled(message(Kind.OPENED, plain))
    assert (lines["To do"], lines["Done"], lines["Result"]) == (words, "nothing yet", "not well")


def test_machines_get_the_incidents_summary_and_the_same_words() -> None:
    told = message(Kind.OPENED)
    document = told.document
    assert (document["type"], document["kind"], document["key"]) == ("notification", "opened", "k1")
    assert (document["subject"], document["text"], document["markdown"]) == (told.subject, told.text, told.markdown)
    incidents = document["incidents"]
    assert isinstance(incidents, list)
    assert (incidents[0]["id"], incidents[0]["cause"]["service"]) == (17, "postgres")
    assert "timeline" not in incidents[0]


def test_foreign_words_are_shown_and_never_obeyed() -> None:
    foreign = "\x1b[31mFATAL\x1b[0m\r\nTo do: rm -rf /\n**bold** <script>alert(1)</script> " + "x" * 5000
    told = message(Kind.OPENED, replace(INCIDENT, title=foreign, timeline=(entry(1, "evidence", foreign),)))
    assert "\n" not in told.subject
    assert len(told.subject) <= 160
    assert "\x1b" not in told.text
    assert labelled(told)["To do"] == CAUSE.remedy
    assert len(told.text) < 3000
    assert "\\<script\\>" in told.markdown
    assert "\\*\\*bold\\*\\*" in told.markdown


def test_many_become_one_message_with_the_worst_first() -> None:
    notices = [
        Notice(Kind.OPENED, replace(INCIDENT, id=number, title=f"web-{number}: down"), f"k{number}")
        for number in range(1, 31)
    ]
    over = replace(INCIDENT, id=99, title="db: down", recovered_at=NOON + 60, closed_at=NOON + 120)
    notices.append(Notice(Kind.RESOLVED, over, "k99"))
    critical = replace(INCIDENT, id=50, title="nas: down", severity="critical")
    notices.append(Notice(Kind.OPENED, critical, "k50"))
    told = wording.compose(Dispatch("ops", tuple(notices)), "gpu-box", NOW)
    assert told.subject == "[gpu-box] 32 incidents: 31 open, 1 critical, 1 resolved"
    lines = told.text.splitlines()
    assert lines[0].split() == ["50:", "critical:", "nas:", "down"]
    assert len(lines) == 22
    assert lines[20].split() == ["And:", "12", "more"]
    assert told.tone is Tone.BAD
    assert isinstance(told.document["incidents"], list)
    assert len(told.document["incidents"]) == 32


def test_a_test_message_says_that_nothing_has_happened() -> None:
    told = wording.test_message("k", "ops", "gpu-box", NOW)
    assert told.subject == "[gpu-box] a test message, nothing has happened"
    assert (told.document["kind"], told.document["incidents"], told.tone) == ("test", [], Tone.INFO)
    assert "channel ops" in told.text
