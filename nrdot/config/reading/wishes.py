"""What people plan for in words, and what says the same in a way that acts."""

from __future__ import annotations

# Wishes that the scenarios write in words, and what says the same in a way that acts.
WISHES: tuple[tuple[str, str], ...] = (
    ("tls 1.3", "it is the default: export[].otlp.tls.min_version"),
    ("pinning", "write export[].otlp.tls.pins"),
    ("mutual tls", "write export[].otlp.tls.cert and export[].otlp.tls.key"),
    ("key management", "write encryption.key_command"),
    ("rotation", "write encryption.old_key_files"),
    ("aes-256", "write encryption.key_file"),
)

_A_PLAN = "this is a plan, and nothing in it configures the agent: leave it out"
_OPERATOR = "this is the operator's business: write it into its custom resource"

# Sections of the scenarios' plans that are no settings, and what says the same in a way that acts.
PLANS = {
    "auto_scaling_integration": _OPERATOR,
    "hpa_awareness": _OPERATOR,
    "vpa_coordination": _OPERATOR,
    "operator_deployment": _OPERATOR,
    "real_time_optimization": "anomalies are looked for at every sample: see `anomaly`; a profile changes by "
    "`time_based_rules`, by `event_handling` or by what a controller pushes",
    "istio_integration": "give sidecars a class of their own, low in score: `patterns: [^pilot-agent]`",
    "linkerd_integration": "give sidecars a class of their own, low in score: `patterns: [^linkerd2-proxy]`",
    "offline_capability": "the disk buffer stores and forwards by itself: see `batching.local_buffer_size`; "
    "`local_decision_making: true` keeps a controller from overriding this file",
    "edge_autonomy": "write `local_decision_making: true` and a `batching.local_buffer_size`",
    "data_isolation": "write a file for each environment, with an `export` and a `profile` of its own",
    "predictive_optimization": "what is expected is written by the clock: `follow_the_sun`, "
    "`time_based_rules`, `event_handling`; what nobody expected is kept at its sample: see `anomaly`",
    "patterns": "patterns are of a class: "
    "write `process_classification: {NAME: {score: 0.9, patterns: [...]}}`",
    "compliance": "name it where it applies: `requirement` of a class, an override or a business rule",
    **dict.fromkeys(
        (
            "approach",
            "challenges",
            "company",
            "compliance_maintained",
            "cost_savings",
            "current_challenges",
            "infrastructure",
            "ml_powered_decisions",
            "operational_benefits",
            "phase_1_risk_assessment",
            "scale",
            "special_requirements",
            "unique_challenges",
        ),
        _A_PLAN,
    ),
}

_COLLECTOR = (
    "this is a Collector's configuration: NRDOT finds processes by itself, `export` says where they go; "
    "for example `export: [{otlp: {endpoint: http://127.0.0.1:4318}}]`"
)

# First words of other agents' configurations, and what says the same here.
FOREIGN = {
    **dict.fromkeys(("receivers", "processors", "exporters", "extensions", "service"), _COLLECTOR),
    "process_names": "process-exporter's groups are classes here: "
    "write `process_classification: {NAME: {patterns: [...]}}`",
    "scrape_configs": "Prometheus does not scrape NRDOT's processes, NRDOT sends them: see `export`",
}

NO_SETTINGS = frozenset(key for key, words in PLANS.items() if words == _A_PLAN)


def instead_of(wish: str) -> str:
    """What to write instead of a wish in words."""
    lowered = wish.lower()
    return next(
        (hint for words, hint in WISHES if words in lowered), "say it with the fields of this section"
    )
