"""One process at a time works on a target; who died or slept loses the right to, whatever it believes."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from renewd.errors import Busy, Fenced
from renewd.journal import holder as holders
from renewd.journal.holder import Holder
from renewd.journal.leases import TTL

NOW = timedelta(minutes=1)  # longer than a test takes
ELSEWHERE = "other-host/11111111-boot+1/1/100"


@pytest.fixture
def neighbour():
    """A living process on this machine, and the holder it would write."""
    code = "from renewd.journal.holder import Holder; print(Holder.here(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.holder = process.stdout.readline().strip()
        yield process
        process.kill()


def test_each_taking_has_a_greater_fence(journal):
    first = journal.take("contoso.com")
    journal.release("contoso.com", first)
    assert journal.take("contoso.com") == first + 1


def test_targets_do_not_stand_in_each_others_way(journal):
    journal.take("contoso.com")
    assert journal.take("wild.example") == 1


def test_a_lease_held_by_a_living_process_is_refused_with_its_number(journal, neighbour):
    journal.take("contoso.com", neighbour.holder)
    with pytest.raises(Busy, match=f"process {neighbour.pid}") as refused:
        journal.take("contoso.com")
    assert refused.value.pid == neighbour.pid
    assert TTL - NOW <= refused.value.retry_after <= TTL


def test_this_process_does_not_take_what_it_holds(journal):
    journal.take("contoso.com")
    with pytest.raises(Busy, match=str(os.getpid())):
        journal.take("contoso.com")


def test_a_lease_whose_process_is_gone_is_taken_over_at_once(journal, neighbour):
    first = journal.take("contoso.com", neighbour.holder)
    neighbour.kill()
    neighbour.wait()
    assert journal.take("contoso.com") == first + 1


def test_a_process_number_that_is_used_again_does_not_hold_the_old_lease(journal, neighbour):
    host, boot, pid, started = neighbour.holder.rsplit("/", 3)
    journal.take("contoso.com", f"{host}/{boot}/{pid}/{int(started) - 1}")
    assert journal.take("contoso.com") == 2


@pytest.mark.parametrize("state", ["sqlite"], indirect=True)
def test_a_lease_of_before_the_reboot_is_taken_over_at_once(journal):
    here = Holder.here()
    journal.take("contoso.com", f"{here.host}/another-boot+1/{here.pid}/{here.started}")
    assert journal.take("contoso.com") == 2


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(ELSEWHERE, id="another machine's"),
        pytest.param("a text that this renewd did not write", id="another version's"),
        pytest.param(
            f"{Holder.here().host}/{Holder.here().boot.partition('+')[0]}+1/1/100", id="another container's"
        ),
    ],
)
def test_a_lease_that_cannot_be_looked_into_is_waited_for(journal, pass_time, holder):
    journal.take("contoso.com", holder)
    pass_time(TTL - NOW)
    with pytest.raises(Busy) as refused:
        journal.take("contoso.com")
    assert refused.value.pid == 0
    assert timedelta() < refused.value.retry_after <= NOW
    pass_time(NOW)
    assert journal.take("contoso.com") == 2


def test_a_lease_that_ran_out_is_taken_over_even_from_the_living(journal, pass_time, neighbour):
    first = journal.take("contoso.com", neighbour.holder)
    pass_time(TTL)
    journal.take("contoso.com")
    with pytest.raises(Fenced):
        journal.renew("contoso.com", first)


def test_a_renewed_lease_lasts_its_full_time_again(journal, pass_time):
    fence = journal.take("contoso.com", ELSEWHERE)
    pass_time(TTL - timedelta(minutes=1))
    journal.renew("contoso.com", fence)
    pass_time(TTL - timedelta(minutes=1))
    with pytest.raises(Busy, match="other-host"):
        journal.take("contoso.com")


def test_what_was_given_back_is_not_renewed(journal):
    fence = journal.take("contoso.com")
    journal.release("contoso.com", fence)
    with pytest.raises(Fenced):
        journal.renew("contoso.com", fence)


def test_a_late_release_leaves_the_new_holders_lease_alone(journal, neighbour):
    first = journal.take("contoso.com")
    journal.release("contoso.com", first)
    journal.take("contoso.com", neighbour.holder)
    journal.release("contoso.com", first)
    with pytest.raises(Busy):
        journal.take("contoso.com")


def test_another_machine_of_the_same_name_is_not_taken_for_this_one_rebooted():
    namesake = Holder(Holder.here().host, "another-boot+1", 1, "100")
    assert not namesake.is_gone(same_machine=False)
    assert namesake.is_gone(same_machine=True)


def test_a_holder_reads_back_as_it_was_written():
    here = Holder.here()
    assert Holder.parse(str(here)) == here
    assert here.is_near()
    assert not here.is_gone(same_machine=True)


def test_a_zombie_has_ended(neighbour):
    neighbour.kill()
    os.waitid(os.P_PID, neighbour.pid, os.WEXITED | os.WNOWAIT)
    assert holders._started(neighbour.pid) is None


@pytest.mark.fault(93)
@pytest.mark.parametrize("state", ["postgresql"], indirect=True)
def test_a_machine_whose_clock_is_wrong_takes_no_lease_before_its_time(journal, clock):
    journal.take("contoso.com", ELSEWHERE)
    clock.advance(timedelta(days=400))
    with pytest.raises(Busy) as refused:
        journal.take("contoso.com")
    assert TTL - NOW <= refused.value.retry_after <= TTL
