"""Incidents: which failures are one, how it is named, and when it is over."""

from __future__ import annotations

import math
from dataclasses import replace

from orchestrator.core.draft import Reckoning, title_of
from orchestrator.core.incidents import (
    LONGEST_STORY,
    MOST_EVIDENCE,
    Cause,
    Condition,
    Entry,
    EntryKind,
    HostCondition,
    Incident,
    Incidents,
    Note,
)
from orchestrator.core.joining import SOON
from orchestrator.core.ledger import STORM_REACHES_BACK, adopt, reckon
from orchestrator.core.model import Instant, Status
from orchestrator.core.policy import SHORTEST_STABLE_RUN
from orchestrator.core.storm import WINDOW

EPOCH = 1_700_000_000.0
AWAY = HostCondition(engine="unix:///run/docker.sock: it refuses connections", remedy="Start it.")


def ill(service: str, *roots: str, needs: tuple[str, ...] = (), wants: tuple[str, ...] = ()) -> Condition:
    return Condition(
        service=service,
        stand="ill",
        status=Status.UNHEALTHY,
        sentence=f"{service} fails its health check: HTTP 500",
        certain=False,
        roots=roots,
        needs=frozenset((*needs, *roots)),
        wants=frozenset(wants),
    )


def dead(service: str, *roots: str, needs: tuple[str, ...] = ()) -> Condition:
    sentence = f"{service} exited with code 1"
    return replace(ill(service, *roots, needs=needs), status=Status.STOPPED, sentence=sentence, certain=True)


def coming(service: str) -> Condition:
    return Condition(service, "coming", Status.STARTING, f"{service} is starting")


def well(service: str, stable_at: float = math.inf, needs: tuple[str, ...] = ()) -> Condition:
    words = f"{service} is running"
    return Condition(service, "well", Status.RUNNING, words, stable_at=stable_at, needs=frozenset(needs))


def excused(service: str, words: str = "is stopped: by ann") -> Condition:
    return Condition(service, "excused", Status.STOPPED, f"{service} {words}")


def given_up(service: str) -> Condition:
    sentence = f"{service} was given up after 3 failures"
    return replace(dead(service), status=Status.DISABLED, sentence=sentence, given_up=True)


def failure(service: str, text: str = "exited with code 1") -> Note:
    return Note(service, "detected", text, failure=True)


class Story:
    """Turns, one after the other; ``changed`` is what the last one told of."""

    def __init__(self) -> None:
        self.incidents = Incidents()
        self.moment = 100.0
        self.changed: tuple[Incident, ...] = ()
        self.seen: dict[int, Incident] = {}

    def turn(
        self,
        *conditions: Condition,
        notes: tuple[Note, ...] = (),
        host: HostCondition | None = None,
        gone: tuple[str, ...] = (),
        after: float = 1.0,
    ) -> None:
        self.moment += after
        level = self.incidents.host if host is None else host
        self.take(reckon(self.incidents, conditions, notes, level, self.now, gone=gone))

    def take(self, reckoning: Reckoning) -> None:
        self.incidents, self.changed = reckoning.incidents, reckoning.changed
        self.seen.update({each.id: each for each in self.changed})

    @property
    def now(self) -> Instant:
        return Instant(self.moment, EPOCH + self.moment)

    @property
    def only(self) -> Incident:
        (incident,) = self.incidents.open.values()
        return incident

    def told(self, kind: EntryKind, number: int = 1) -> list[str]:
        return [entry.text for entry in self.seen[number].timeline if entry.kind == kind]


def roles(incident: Incident) -> dict[str, str]:
    return {each.service: each.role for each in incident.members if each.left_at is None}


# --- opening ---------------------------------------------------------------------------------------------------


def test_the_first_sign_opens_an_incident_that_names_the_service() -> None:
    story = Story()
    story.turn(replace(dead("db"), began_at=EPOCH + 100.75))
    incident = story.only
    assert (incident.id, incident.status, incident.severity) == (1, "open", "warning")
    assert incident.title == "db exited with code 1"
    assert incident.cause == Cause("db exited with code 1", service="db", confidence="certain")
    assert roles(incident) == {"db": "root"}
    assert incident.seconds_to_detect == 0.25
    assert (incident.seconds_to_act, incident.seconds_to_recover) == (None, None)
    assert story.changed == (incident,)


def test_a_failed_check_is_a_likely_cause() -> None:
    story = Story()
    story.turn(ill("db"))
    assert story.only.cause.confidence == "likely"
    assert story.only.seconds_to_detect is None


def test_a_turn_without_news_changes_nothing() -> None:
    story = Story()
    story.turn(well("db"))
    assert (story.changed, story.incidents.open) == ((), {})
    story.turn(dead("db"))
    story.turn()
    assert story.changed == ()


def test_failures_that_have_nothing_to_do_with_each_other_are_two_incidents() -> None:
    story = Story()
    story.turn(dead("db"), dead("web"))
    assert [each.title for each in story.incidents.open.values()] == ["db exited with code 1", "web exited with code 1"]


def test_what_falls_with_its_dependency_in_one_turn_is_one_incident() -> None:
    story = Story()
    children = [ill(f"child-{n}", "db") for n in range(30)]
    story.turn(dead("db"), *children)
    assert len(story.only.members) == 31
    assert story.only.title == "db exited with code 1"
    assert roles(story.only)["db"] == "root"
    assert story.told("detected") == ["db exited with code 1"]
    assert len(story.told("joined")) == 30


def test_who_falls_later_joins() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(ill("web", "db"), notes=(Note("web", "waiting", "waiting for db"),))
    story.turn(ill("web", "db"), notes=(Note("web", "waiting", "waiting for db still"),))
    assert roles(story.only) == {"db": "root", "web": "dependent"}
    assert story.told("waiting") == ["waiting for db still"], "the line that it joined says it"


def test_two_dependencies_that_are_down_at_once_are_both_named_as_members() -> None:
    story = Story()
    story.turn(ill("web", "cache", "db"), dead("db"), dead("cache"))
    assert roles(story.only) == {"cache": "root", "db": "root", "web": "dependent"}
    assert story.only.cause.service == "cache"


def test_what_of_the_host_is_missing_is_the_cause_and_no_member() -> None:
    story = Story()
    missing = HostCondition(missing={"gpu": "NVML: driver not loaded", "mount:/data": ""})
    story.turn(ill("llm", "gpu"), ill("db", "mount:/data"), ill("yolo", "gpu"), host=missing)
    first, second = story.incidents.open.values()
    assert first.title == "the GPU driver does not answer: NVML: driver not loaded"
    assert (first.cause.service, first.cause.subject) == ("", "gpu")
    assert roles(first) == {"llm": "dependent", "yolo": "dependent"}
    assert second.title == "mount:/data is not there"


def test_a_counted_failure_is_a_sign_also_when_it_runs_again() -> None:
    story = Story()
    story.turn(coming("db"), notes=(failure("db", "it died and the engine restarted it"),))
    assert story.only.title == "db failed: it died and the engine restarted it"
    assert story.told("detected") == ["db failed: it died and the engine restarted it"]


def test_what_somebody_wants_down_is_no_incident() -> None:
    story = Story()
    story.turn(excused("db"), notes=(failure("db"),))
    assert story.incidents.open == {}


def test_what_went_down_while_nobody_looked_is_brought_up_without_an_incident() -> None:
    story = Story()
    story.turn(replace(dead("db"), unwatched=True), replace(dead("web", "db"), unwatched=True))
    assert story.incidents.open == {}
    story.turn(replace(dead("db"), unwatched=True), notes=(failure("db", "start failed"),))
    assert story.only.title == "db exited with code 1"
    story.turn(replace(dead("web", "db"), unwatched=True))
    assert roles(story.only) == {"db": "root", "web": "dependent"}


def test_what_cannot_be_brought_up_for_want_of_the_host_is_an_incident() -> None:
    story = Story()
    story.turn(replace(dead("db", "mount:/data"), unwatched=True), host=HostCondition(missing={"mount:/data": "gone"}))
    assert story.only.title == "mount:/data is not there: gone"


# --- in time ---------------------------------------------------------------------------------------------------


def test_what_fails_while_what_it_needs_recovers_is_part_of_it() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(well("db"))
    story.turn(ill("web", needs=("db",)))
    assert roles(story.only) == {"db": "root", "web": "dependent"}


def test_a_soft_dependency_is_behind_it_only_when_it_failed_lately() -> None:
    story = Story()
    story.turn(dead("cache"))
    story.turn(ill("web", wants=("cache",)))
    assert roles(story.only) == {"cache": "root", "web": "dependent"}
    story.turn(ill("shop", wants=("cache", "nothing-known")), after=SOON + 1)
    assert len(story.incidents.open) == 2


def test_a_dependency_found_to_be_failing_soon_after_its_dependent_takes_over_as_the_cause() -> None:
    story = Story()
    story.turn(replace(ill("web", needs=("db",)), began_at=EPOCH + 100))
    story.turn(replace(ill("db"), began_at=EPOCH + 99))
    assert roles(story.only) == {"db": "root", "web": "dependent"}
    assert story.only.title == "db fails its health check: HTTP 500"
    assert story.only.began_at == EPOCH + 99
    assert story.told("named") == ["the cause: db fails its health check: HTTP 500"]


def test_one_that_fails_much_later_or_after_the_dependent_is_well_is_another_incident() -> None:
    story = Story()
    story.turn(ill("web", needs=("db",)))
    story.turn(ill("db"), after=SOON + 1)
    assert len(story.incidents.open) == 2
    other = Story()
    other.turn(ill("web", needs=("db",)))
    other.turn(well("web", needs=("db",)))
    other.turn(ill("db"))
    assert len(other.incidents.open) == 2


# --- renaming --------------------------------------------------------------------------------------------------


def test_the_root_moves_to_what_a_dependent_turns_out_to_be_down_for() -> None:
    story = Story()
    story.turn(ill("web"))
    story.turn(dead("db"), ill("web", "db"))
    assert roles(story.only) == {"db": "root", "web": "dependent"}
    assert story.only.title == "db exited with code 1"
    story.turn(ill("web", "gpu"), dead("db", "gpu"), host=HostCondition(missing={"gpu": "fell off the bus"}))
    assert roles(story.only) == {"db": "dependent", "web": "dependent"}
    assert story.only.title == "the GPU driver does not answer: fell off the bus"
    assert len(story.told("named")) == 2


def test_a_root_that_waits_for_another_member_is_a_dependent() -> None:
    story = Story()
    story.turn(ill("web", "cache", "db"), dead("cache"), dead("db"))
    story.turn(dead("cache", "db"))
    assert roles(story.only) == {"cache": "dependent", "db": "root", "web": "dependent"}
    assert story.only.cause.service == "db"
    story.turn(ill("web", "db"))
    assert story.only.cause.service == "db"


def test_what_the_engine_tells_sharpens_what_a_check_told_until_we_act() -> None:
    story = Story()
    story.turn(ill("db"))
    story.turn(dead("db"))
    assert story.only.cause == Cause("db exited with code 1", service="db")
    acted = Story()
    acted.turn(ill("db"), notes=(Note("db", "action", "restart", acted=True),))
    acted.turn(dead("db"))
    assert acted.only.title == "db fails its health check: HTTP 500"


def test_a_diagnosis_names_the_cause_and_its_remedy_and_stays() -> None:
    story = Story()
    found = Cause("killed at its memory limit of 512 MiB", "db", "", "likely", "oom", "Raise the limit.")
    note = Note("db", "evidence", "taken before the restart", evidence={"run": 1}, cause=found)
    story.turn(ill("db"), notes=(note,))
    assert story.only.title == "db: killed at its memory limit of 512 MiB"
    assert story.only.evidence == ({"run": 1},)
    story.turn(dead("db"))
    assert story.only.cause == found
    story.turn(ill("web", "db"), notes=(replace(note, service="web"),))
    assert story.only.cause == found, "of a dependent it says nothing about the cause"


def test_who_still_fails_when_the_root_is_well_becomes_the_cause() -> None:
    story = Story()
    story.turn(dead("db"), ill("web", "db"))
    story.turn(well("db"), ill("web"))
    assert story.only.cause.service == "db", "it has its time to come back too"
    story.turn(ill("web"), notes=(failure("web", "HTTP 500"),))
    assert (story.only.cause.service, roles(story.only)["web"]) == ("web", "root")


def test_while_the_root_fails_itself_a_dependent_that_fails_is_none() -> None:
    story = Story()
    story.turn(dead("db"), ill("web", "db"))
    story.turn(ill("web"), notes=(failure("web", "HTTP 500"),))
    assert story.only.cause.service == "db"


def test_what_is_given_up_is_critical_and_named_so() -> None:
    story = Story()
    story.turn(dead("db"), ill("web", "db"))
    story.turn(given_up("db"))
    assert (story.only.severity, story.only.title) == ("critical", "db was given up after 3 failures")
    story.turn(given_up("web"))
    assert story.only.title == "web was given up after 3 failures"
    story.turn(well("db"), well("web"))
    assert story.only.severity == "critical", "the worst that it has been"


# --- merging ---------------------------------------------------------------------------------------------------


def test_incidents_that_turn_out_to_share_a_root_are_told_as_the_older_one() -> None:
    story = Story()
    story.turn(replace(ill("web"), began_at=EPOCH + 90), notes=(Note("web", "action", "restart", acted=True),))
    note = Note("shop", "evidence", "taken", evidence={"of": "shop"})
    story.turn(replace(ill("shop"), began_at=EPOCH + 80), notes=(note,))
    story.turn(dead("db"), ill("web", "db"), ill("shop", "db"))
    assert list(story.incidents.open) == [1]
    assert roles(story.only) == {"db": "root", "web": "dependent", "shop": "dependent"}
    assert story.only.title == "db exited with code 1"
    assert (story.only.began_at, story.only.acted_at) == (EPOCH + 80, EPOCH + 101)
    assert story.only.evidence == ({"of": "shop"},)
    assert story.told("detected").count("shop fails its health check: HTTP 500") == 1
    part = story.seen[2]
    assert (part.status, part.merged_into) == ("closed", 1)
    assert all(each.left_at is not None for each in part.members)
    assert [each.id for each in story.changed] == [1, 2]


def test_the_worst_of_both_and_the_membership_of_either_go_on() -> None:
    story = Story()
    story.turn(dead("web"))
    story.turn(given_up("shop"))
    story.turn(dead("db"), dead("web", "db"), dead("shop", "db"))
    assert story.only.severity == "critical"


def test_a_dependent_that_is_down_for_another_incident_moves_there() -> None:
    story = Story()
    story.turn(dead("db"), ill("web", "db"))
    story.turn(dead("cache"))
    story.turn(well("db"), ill("web", "cache"))
    first, second = story.incidents.open.values()
    assert roles(first) == {"db": "root"}
    assert roles(second) == {"cache": "root", "web": "dependent"}
    assert story.told("remark") == ["web fails its health check: HTTP 500: told further in incident 2"]


def test_a_dependent_whose_root_is_found_deeper_takes_its_incident_along() -> None:
    story = Story()
    story.turn(dead("db"), ill("web", "db"))
    story.turn(dead("disk"), ill("web", "disk"), dead("db", "disk"))
    assert roles(story.only) == {"db": "dependent", "web": "dependent", "disk": "root"}


# --- what happens ----------------------------------------------------------------------------------------------


def test_actions_and_outcomes_are_appended_and_the_first_action_is_timed() -> None:
    story = Story()
    story.turn(replace(dead("db"), began_at=EPOCH + 101), notes=(Note("db", "action", "start: exited", acted=True),))
    story.turn(coming("db"), notes=(Note("db", "outcome", "Restart failed"), Note("db", "action", "start", acted=True)))
    assert story.told("action") == ["start: exited", "start"]
    assert story.told("outcome") == ["Restart failed"]
    assert story.only.seconds_to_act == 0.0


def test_who_is_restarted_because_a_member_was_is_part_of_the_story_and_no_member() -> None:
    story = Story()
    story.turn(dead("db"))
    companion = well("web", needs=("db",))
    story.turn(companion, notes=(Note("web", "action", "restart: with db", acted=True), Note("web", "remark", "held")))
    assert story.told("action") == ["restart: with db"]
    assert story.told("remark") == []
    assert roles(story.only) == {"db": "root"}


def test_what_happens_to_others_is_told_nowhere() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(well("web"), notes=(Note("web", "action", "restart"), Note("nobody", "action", "restart")))
    assert story.changed == ()


def test_a_line_can_be_for_an_incident_whoever_is_in_it() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(notes=(Note("", "notified", "mail to ann", incident=1), Note("", "notified", "no such", incident=9)))
    assert story.told("notified") == ["mail to ann"]


def test_of_a_long_story_the_beginning_and_the_end_are_kept() -> None:
    incident = Incident(1, Cause("x", "db"), "db: x", EPOCH, None)
    for number in range(LONGEST_STORY + 25):
        incident = incident.told(Entry(EPOCH + number, "remark", "db", str(number)))
    assert (len(incident.timeline), incident.omitted) == (LONGEST_STORY, 25)
    assert (incident.timeline[0].text, incident.timeline[-1].text) == ("0", str(LONGEST_STORY + 24))
    for number in range(MOST_EVIDENCE + 5):
        incident = incident.with_evidence({"number": number})
    assert len(incident.evidence) == MOST_EVIDENCE
    assert (incident.evidence[0], incident.evidence[-1]) == ({"number": 0}, {"number": MOST_EVIDENCE + 4})


def test_a_title_names_the_service_once() -> None:
    assert title_of(Cause("killed", "db")) == "db: killed"
    assert title_of(Cause("db exited", "db")) == "db exited"
    assert title_of(Cause("the container of db is gone", "db")) == "the container of db is gone"
    assert title_of(Cause("the engine does not answer", subject="engine")) == "the engine does not answer"


# --- closing ---------------------------------------------------------------------------------------------------


def test_it_is_closed_when_every_member_is_stably_healthy() -> None:
    story = Story()
    story.turn(
        replace(dead("db"), began_at=EPOCH + 101), ill("web", "db"), notes=(Note("db", "action", "", acted=True),)
    )
    story.turn(well("db", stable_at=160))
    assert story.only.recovered_at is None
    story.turn(well("web", stable_at=170))
    assert story.only.seconds_to_recover == 2.0
    assert story.told("recovered") == ["db is well again", "web is well again"]
    assert story.incidents.wake_at == 160
    story.turn(after=160 - story.moment)
    assert roles(story.only) == {"web": "dependent"}
    story.turn(after=10)
    assert story.incidents.open == {}
    closed = story.seen[1]
    assert (closed.status, closed.closed_at) == ("closed", EPOCH + 170)
    assert story.told("closed") == ["everything has been well for long enough"]
    assert closed.seconds_to_recover == 2.0
    assert story.incidents.wake_at == math.inf


def test_a_blip_is_closed_as_one() -> None:
    story = Story()
    story.turn(ill("db"))
    story.turn(well("db", stable_at=103))
    story.turn()
    assert story.told("closed") == ["it came back by itself"]
    assert story.seen[1].acted_at is None


def test_a_relapse_goes_on_in_the_same_incident() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(well("db", stable_at=160))
    story.turn(dead("db"))
    assert story.only.recovered_at is None
    assert story.told("detected") == ["db exited with code 1", "db exited with code 1"]
    assert story.incidents.wake_at == math.inf


def test_a_root_that_was_stable_and_fails_again_while_others_are_not_is_the_same_incident() -> None:
    story = Story()
    story.turn(dead("db"), ill("web", "db"))
    story.turn(well("db", stable_at=103))
    story.turn(ill("web"))
    assert roles(story.only) == {"web": "dependent"}
    story.turn(dead("db"))
    assert roles(story.only) == {"web": "dependent", "db": "root"}


def test_a_dependent_whose_root_is_stable_and_waits_for_it_again_stays() -> None:
    story = Story()
    story.turn(dead("db"), ill("web", "db"))
    story.turn(well("db", stable_at=103))
    story.turn(ill("web", "db"))
    assert roles(story.only) == {"web": "dependent"}


def test_a_service_that_was_given_up_keeps_it_open() -> None:
    story = Story()
    story.turn(given_up("db"))
    story.turn(after=90 * 86_400)
    assert story.only.severity == "critical"


def test_what_a_person_takes_over_counts_no_more() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(excused("db"))
    assert story.incidents.open == {}
    assert story.told("remark") == ["db is stopped: by ann: left to whoever wants it so"]
    assert story.told("closed") == ["nothing is left to be done"]
    assert story.seen[1].recovered_at is None


def test_a_cause_in_a_persons_hands_is_a_cause_still() -> None:
    story = Story()
    story.turn(excused("db"), ill("web", "db"))
    story.turn(ill("shop", "db"))
    assert roles(story.only) == {"web": "dependent", "shop": "dependent"}
    assert story.only.title == "db is stopped: by ann"


def test_who_is_not_managed_any_more_counts_no_more() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(gone=("db", "stranger"))
    assert story.incidents.open == {}
    assert story.told("remark") == ["db is not managed any more"]


def test_a_member_is_shown_as_it_is_and_once_it_left_as_it_was() -> None:
    story = Story()
    story.turn(dead("db"), ill("web", "db"))
    story.turn(coming("db"))
    assert {each.service: each.status for each in story.only.members} == {"db": "starting", "web": "unhealthy"}
    story.turn(excused("web"))
    story.turn(well("web"))
    assert {each.service: each.status for each in story.only.members}["web"] == Status.STOPPED


# --- the host --------------------------------------------------------------------------------------------------


def test_an_engine_that_does_not_answer_is_an_incident_until_it_has_answered_for_long() -> None:
    story = Story()
    story.turn(host=AWAY)
    assert (story.only.severity, story.only.cause.subject, story.only.cause.remedy) == (
        "critical",
        "engine",
        "Start it.",
    )
    assert story.incidents.wake_at == math.inf
    story.turn(after=600)
    back = HostCondition(answering_since=story.moment + 1)
    story.turn(host=back)
    assert story.told("recovered") == ["the engine answers again"]
    assert story.only.recovered_at is not None
    assert story.incidents.wake_at == back.answering_since + SHORTEST_STABLE_RUN
    story.turn(host=AWAY)
    assert story.told("detected") == [story.only.title, story.only.title]
    assert story.only.recovered_at is None
    story.turn(host=HostCondition(answering_since=story.moment + 1))
    story.turn(after=SHORTEST_STABLE_RUN)
    assert story.incidents.open == {}


def test_what_went_down_with_the_engine_is_part_of_its_incident() -> None:
    story = Story()
    story.turn(host=AWAY)
    story.turn(replace(dead("db"), unwatched=True), host=HostCondition(answering_since=story.moment + 1))
    story.turn(replace(dead("web", "db"), unwatched=True))
    assert roles(story.only) == {"db": "dependent", "web": "dependent"}
    assert story.only.cause.subject == "engine"
    story.turn(well("db", 110.0), well("web", 110.0))
    story.turn(after=30)
    assert story.only.status == "open", "the engine has not answered for long"
    story.turn(after=SHORTEST_STABLE_RUN)
    assert story.incidents.open == {}


def test_nothing_is_closed_while_nobody_can_look() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(well("db", stable_at=150))
    story.turn(host=AWAY)
    story.turn(after=100)
    assert [each.cause.key for each in story.incidents.open.values()] == ["db", "engine"]
    story.turn(host=HostCondition(answering_since=story.moment + 1))
    assert [each.cause.key for each in story.incidents.open.values()] == ["engine"]


def test_an_engine_that_is_back_before_anybody_was_told_has_no_line() -> None:
    story = Story()
    story.incidents = Incidents(host=AWAY)
    story.turn(host=HostCondition(storm="5 unrelated services failed"))
    story.incidents = replace(story.incidents, open={})
    story.turn(host=HostCondition())
    assert story.changed == ()


def test_a_storm_is_one_incident_with_all_that_failed_just_before() -> None:
    story = Story()
    story.turn(dead("old"))
    story.turn(ill("a"), ill("b"), after=STORM_REACHES_BACK + 1)
    story.turn(ill("c"), host=HostCondition(storm="3 unrelated services failed within 1 s"))
    assert list(story.incidents.open) == [1, 2]
    whole = story.incidents.open[2]
    assert whole.title == "restarts are paused: 3 unrelated services failed within 1 s"
    assert (whole.severity, whole.cause.confidence) == ("critical", "likely")
    assert roles(whole) == {"a": "dependent", "b": "dependent", "c": "dependent"}
    assert story.seen[3].merged_into == 2
    story.turn(ill("d"))
    assert "d" in roles(story.incidents.open[2])
    story.turn(host=HostCondition())
    assert story.told("remark", 2) == ["restarts are resumed"]
    story.turn(ill("d"), notes=(failure("d"),))
    assert story.incidents.open[2].cause.subject == "storm"
    story.turn(ill("late"))
    assert "late" in roles(story.incidents.open[2]), "it failed with the others and was only seen later"
    story.turn(ill("other"), after=WINDOW + 1)
    assert "other" not in roles(story.incidents.open[2])
    story.turn(ill("e"), host=HostCondition(storm="again"), after=STORM_REACHES_BACK + 1)
    assert roles(story.incidents.open[2])["e"] == "dependent"
    assert story.incidents.open[2].title == "restarts are paused: again"


def test_a_storm_without_incidents_is_one_too_and_ends_with_it() -> None:
    story = Story()
    story.turn(host=HostCondition(storm="the last 5 starts were slow"))
    assert (story.only.severity, story.only.members) == ("critical", ())
    story.turn(after=3600)
    assert story.only.recovered_at is None
    story.turn(host=HostCondition())
    assert story.incidents.open == {}


def test_an_action_makes_an_older_incident_part_of_a_storm() -> None:
    story = Story()
    story.turn(dead("a"))
    story.turn(dead("a"), notes=(Note("a", "action", "start", acted=True),), after=STORM_REACHES_BACK + 1)
    story.turn(host=HostCondition(storm="the last 5 starts failed"))
    assert story.only.cause.subject == "storm"


# --- an earlier process ----------------------------------------------------------------------------------------


def test_what_an_earlier_process_left_open_goes_on() -> None:
    earlier = Story()
    earlier.turn(dead("db"), ill("web", "db"))
    later = Story()
    later.take(adopt(later.incidents, earlier.incidents.open.values(), 7, later.now))
    assert (later.changed, later.incidents.last_id) == ((), 7)
    later.turn(after=1e6)
    assert later.only.status == "open", "nobody has looked at its members yet"
    later.turn(well("db", 0.0))
    assert roles(later.only) == {"web": "dependent"}
    later.turn(ill("web"))
    later.turn(dead("cache"))
    assert list(later.incidents.open) == [1, 8]


def test_a_member_that_was_well_before_is_not_told_as_recovered_again() -> None:
    earlier = Story()
    earlier.turn(dead("db"))
    earlier.turn(well("db"))
    later = Story()
    later.take(adopt(later.incidents, earlier.incidents.open.values(), 1, later.now))
    later.turn(well("db"))
    assert later.only.timeline == earlier.only.timeline


def test_what_was_opened_before_the_store_could_be_read_is_numbered_on_and_merged() -> None:
    earlier = Story()
    earlier.turn(dead("db"))
    earlier.turn(host=AWAY)
    late = Story()
    late.turn(dead("web"), dead("db"), host=AWAY)
    late.turn(dead("api"), excused("web"))
    late.take(adopt(late.incidents, earlier.incidents.open.values(), 4, late.now))
    keys = {number: each.cause.key for number, each in late.incidents.open.items()}
    assert keys == {1: "db", 2: "engine", 6: "web", 8: "api"}
    assert late.incidents.last_id == 8
    assert late.seen[7].merged_into == 1
    assert late.seen[5].merged_into == 2


def test_what_was_closed_before_the_store_could_be_read_keeps_its_number_from_the_next() -> None:
    story = Story()
    story.turn(dead("db"))
    story.turn(well("db", stable_at=0.0))
    story.take(adopt(story.incidents, (), 4, story.now))
    story.turn(dead("web"))
    assert list(story.incidents.open) == [6], "the closed one is 5 by now"


def test_a_closed_one_is_not_taken_over() -> None:
    closed = Incident(3, Cause("x", "db"), "db: x", EPOCH, None, closed_at=EPOCH)
    story = Story()
    story.take(adopt(story.incidents, [closed], 3, story.now))
    assert (story.incidents.open, story.incidents.last_id) == ({}, 3)
