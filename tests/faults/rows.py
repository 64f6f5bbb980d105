"""The fault model: 106 faults, what renewd does about each, and which of them are not for this version.

docs/reliability.md shows the table. A test says which faults it injects with `@pytest.mark.fault(7, 8)`;
test_faults_rows.py holds that each fault has such a test, or a sentence in NOT_HERE.
"""

from typing import NamedTuple

TABLE = """
# The API and the network
1 | the name of the API does not resolve | tried again later; no budget is used, as nothing was sent
2 | connection refused, network unreachable | tried again later; no budget is used
3 | TLS fails: expired, wrong host, unknown CA, TLS 1.0 | this try ends; checking is never off; where dates are the reason, the clock is named as suspect
4 | an answer that drips a byte now and then | one deadline for the whole call, not for each read
5 | headers without an end, or giant ones | ended by the deadline or by a size limit
6 | the connection breaks before the request is out | nothing sent: tried again; else the outcome is unknown, and looked for
7 | the reply to finalize is lost | the certificate is looked for; finalize is never repeated blindly
8 | the reply to an order is lost | the order counts; after a pause at most one more within the budget
9 | a kept-alive connection closes under finalize | cannot happen: a fresh connection for every call that has an effect
10 | a proxy repeats or caches calls | asked with no-store; an answer with an age is refused
11 | 429 or 503 with a Retry-After of any kind | the longer of it and the own back-off, 24 h at most; nonsense is ignored; kept over restarts
12 | 401 or 403: the API key is refused | no call with that key for an hour, or until it changes; no order; told
13 | 400 with a text | a text that is not known is not final: the same order again, three times at most
14 | 404: the API does not know the name | a matter of the set-up: told, and tried daily
15 | 5xx with HTML | tried again later
16 | 200 with HTML, nothing, or another content type | an answer that is not understood; tried again later
17 | 200 with half of the JSON | read strictly; after finalize the certificate is looked for
18 | wrong types, nulls, NaN, doubled keys, deep nesting | strict schema, a typed error
19 | a gigabyte of body; a compressed bomb | uncompressed only, read up to a limit
20 | a redirect of any kind | refused
21 | an order that stays pending, or becomes invalid | the certificate is asked for; a new order only within the budget
22 | an order or a token for another name | refused
23 | the old certificate after finalize | not yet: asked again
24 | another certificate under the same order | issued elsewhere: judged, and adopted
25 | an order's address that is malformed or at another host | refused
26 | a download that is 403 or 404 | fresh addresses are asked for; no new order
27 | the key arrives, the certificate does not | all parts or none
28 | the certificate is replaced between two downloads | key and leaf differ: the whole set again, three times at most
29 | the API is gone for all names | one alarm and a pause for the issuer, not one for each name
30 | ACME renewal information that is nonsense, past, failing or far away | no answer counts as none; a past window means now, a far one nothing; what follows an incident is not replaced for ever
31 | ACME: bad nonce, already replaced, still processing | fresh nonce, without `replaces`, asked again
# What was issued
32 | a key that does not fit the leaf | refused, kept in quarantine
33 | names missing, or other ones | refused: the set is the one that is wanted
34 | expired, not valid yet, or with half of its life gone | refused; no order for a day
35 | older than what is live, or the same | refused: never back to an earlier end, nor by an order of our own to an earlier beginning
36 | a chain that is short, shuffled, doubled or foreign | put in order where there is one way to do so, else refused
37 | an untrusted root, or one for tests | refused unless the configuration trusts it
38 | weak keys and signatures | refused; another kind of key than before is told
39 | a CA as leaf, no server use, no names, unknown critical extensions | refused
40 | an encrypted key, PKCS #12, DER or UTF-16 where PEM should be | refused, in words
41 | junk between PEM blocks, a key among certificates, thousands of blocks | strict grammar; what is installed is written anew, never the bytes that came
42 | megabytes of PEM | size limits before parsing
43 | a parser that panics or hangs | size limits, and what it raises is a refusal
44 | a certificate that demands stapled OCSP | taken; told as a warning
# Disk
45 | the disk or the quota is full | asked before an order; nothing is switched
46 | no inodes left | as a full disk
47 | read-only, not allowed, immutable | asked before an order; nothing is switched
48 | fsync fails | the file is dropped and written anew, never synced again and believed
49 | close fails; a write is short | counts as a failed write; writes go on until all is out
50 | power loss at any moment | the old set or the new one, never a mixture
51 | a damaged database | set aside and begun anew; no orders for an hour; told
52 | a database of a later version, or none | refused; or begun anew, and the portal is asked before any order
53 | a rename between two file systems | everything is staged beside its target; never copied over live files
54 | the target is a mounted file | said before an order: mount the folder
55 | leftovers of a crash | swept when an hour old, only what bears renewd's names
56 | NFS, overlays and their gaps | recognised and told
57 | labels and access lists that cannot be kept | kept, or failed before the switch
58 | old versions fill the disk | five are kept, and never the live or the previous one removed
# Processes
59 | killed at any moment | the journal says where to go on
60 | SIGTERM in the middle of finalize | left within 8 s; the outcome is looked for later
61 | a second SIGTERM | ended at once, state sound
62 | out of memory | as killed
63 | a service that hangs | systemd's watchdog and `renewd health` hear well only of a tick that does its work
64 | a crash at every start | starts are counted; after too many no network for a quarter of an hour
65 | an unforeseen error in one certificate | the others go on
66 | first process of a container | signals are handled, orphans are taken off
67 | an upgrade in the middle of a renewal | states of older versions are read and taken up
# The clock
68 | started in 1970, then set | nothing is done before the clock is plausible; no work is made up for
69 | a day back | nothing repeated, nothing missed
70 | a year forward | where many become due at once, the service's clock is asked first
71 | asleep for three days | what became due is done within a minute
72 | time zones and summer time | UTC everywhere
73 | times with and without a zone mixed | refused by type and by test
# The configuration
74 | broken YAML, unknown or doubled keys | not started; on reload the old one stays
75 | `640`, `22:30`, `no`: values YAML reads otherwise | strings are asked for, with line and remedy
76 | an alias bomb | aliases are refused
77 | shared paths, targets in the state directory, `..`, relative paths | refused
78 | names in any script, case and length, with what does not belong | made canonical or refused; folders have safe names
79 | a configuration or secret that others may write or read | refused
80 | a reload that removes a certificate in flight | finished, then forgotten; live files are never removed
# Hooks
81 | a hook that hangs | ended with its children after its timeout; owed
82 | a hook that leaves a child with its output | waited for the process, not for its output
83 | a child that leaves the process group | found as a descendant, and ended
84 | a flood of output | read on, the last 64 KB kept
85 | a hook that fails, is killed, missing or not executable | owed, or put back, as its kind wants
86 | a reload that changed nothing | what is served is looked at; owed and told
87 | a hook that edits or removes live files | looked at afterwards, and told
88 | many certificates, one web server | one reload for all
# Several at once
89 | two daemons on one machine | the second leaves at once; hooks do not hold the lock
90 | `renew` beside the daemon | one lease: the other waits or leaves
91 | a process that was stopped for long | its next step is refused, as its lease is gone
92 | PostgreSQL is down, fails over, or drops sessions | held and tried again; no second order
93 | machines whose clocks differ | leases live by the database's clock
94 | many machines started together | spread; one orders, the others take what was issued
# Security
95 | tokens and names with `..`, slashes, line ends | refused by their alphabet; files are opened below their folder
96 | download addresses that lead elsewhere | refused before or at connecting, by the address that is connected to
97 | the API key for another host | two clients; only one knows the key, and only for its origin
98 | secrets in logs, errors, the journal, arguments, hooks | planted ones are looked for and not found
99 | symbolic links as traps | never followed; folders that others may write are refused
100 | control characters from a server | escaped and cut
# Scheduling and limits
101 | a tick that comes late | it is done late; a tick may be repeated
102 | work that hangs | a deadline for each attempt; the pass goes on without it
103 | stopped while work is under way | work is drained by renewd itself
104 | no descriptors left | nothing is switched; none leaks
105 | no processes left | the hook is owed
106 | very many due at once | a bounded crew, the most urgent first, within the budget
"""

# Why a fault of the table has no test: it cannot happen here, or what it happens to does not exist yet.
NOT_HERE: dict[int, str] = {}


class Row(NamedTuple):
    """A fault and what renewd does about it."""

    group: str
    fault: str
    answer: str


def _read(table: str) -> dict[int, Row]:
    rows = {}
    group = ""
    for line in table.strip().splitlines():
        if line.startswith("#"):
            group = line[1:].strip()
        else:
            number, fault, answer = line.split(" | ")
            rows[int(number)] = Row(group, fault, answer)
    return rows


ROWS = _read(TABLE)
