"""Unknown and spoofed tenants (fault 47): nobody pays for what another claims."""

from __future__ import annotations

import pytest

from nrdot.agent.beside.tenants import MOST_TOLD, Tenants
from nrdot.batch import Identity, Owner
from nrdot.config.reading.load import load

KNOWN = "ledger: {tenants: {acme: [shop, pay-*], globex: []}}"


@pytest.fixture
def tenants(tmp_path):
    def made(text):
        file = tmp_path / "nrdot.yaml"
        file.write_text(text)
        return Tenants(load(file, {}).settings.ledger)

    return made


def process(tenant, namespace=""):
    labels = (("tenant", tenant),) if tenant else ()
    return Identity("worker", owner=Owner(namespace=namespace, labels=labels))


def test_every_claim_counts_where_nobody_says_who_there_is(tenants):
    assert tenants("profile: balanced\n").of(process("whoever", "anywhere")) == "whoever"


@pytest.mark.parametrize(
    ("tenant", "namespace", "whose"),
    [
        ("acme", "shop", "acme"),
        ("acme", "pay-eu", "acme"),
        ("globex", "lab", "globex"),
        ("globex", "", "globex"),
        ("acme", "lab", ""),
        ("acme", "shop-2", ""),
        ("acme", "", ""),
        ("initech", "shop", ""),
        ("", "shop", ""),
    ],
)
def test_a_claim_counts_where_the_tenant_is_known_and_its_namespace_may_name_it(
    tenants, tenant, namespace, whose
):
    assert tenants(KNOWN).of(process(tenant, namespace)) == whose


def test_a_claim_that_is_refused_is_told_once_with_the_reason(tenants, caplog):
    known = tenants(KNOWN)
    for _ in range(3):
        known.of(process("acme", "lab"))
        known.of(process("initech", "lab"))

    told = [record.fields for record in caplog.records]
    assert [(one["tenant"], one["namespace"], one["why"]) for one in told] == [
        ("acme", "lab", "its namespace may not name this tenant"),
        ("initech", "lab", "no such tenant is known"),
    ]


def test_who_makes_up_tenants_fills_no_log(tenants, caplog):
    known = tenants(KNOWN)
    for number in range(MOST_TOLD + 10):
        known.of(process(f"made-up-{number}"))

    assert len(caplog.records) == MOST_TOLD
