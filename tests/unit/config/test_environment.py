from __future__ import annotations

import pytest

from nrdot.config.problem import InvalidConfigurationError
from nrdot.config.reading.load import load

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def test_a_variable_fills_in_a_value_of_any_type(good):
    text = """\
        profile: ${env:PROFILE}
        agent: {interval: "${env:SECONDS}s"}
        budget: ${env:BUDGET}
        region: eu-${env:ZONE:-west}-${env:EMPTY:-1}
    """
    configuration = good(text, {"PROFILE": "balanced", "SECONDS": "30", "BUDGET": "77", "EMPTY": ""})
    assert configuration.settings.agent.interval == 30
    assert configuration.profile.budget == 77
    assert configuration.settings.region == "eu-west-1"


def test_a_doubled_dollar_keeps_the_braces_and_a_lone_one_is_left_alone(good):
    text = """\
        resource: {a: "$${env:HOME}", b: "costs $5 $$"}
        process_classification: {x: {score: 0.5, patterns: ["^agent$"]}}
    """
    settings = good(text).settings
    assert settings.resource == {"a": "${env:HOME}", "b": "costs $5 $$"}
    assert settings.process_classification["x"].patterns == ("^agent$",)


def test_a_variable_that_is_not_set_is_one_clear_error(errors):
    assert errors("agent:\n  interval: ${env:EVERY}\n") == [
        "2:13: agent.interval: the variable EVERY is not set; set it, or write ${env:EVERY:-default}"
    ]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("${HOME}", "write ${env:HOME}"),
        ("${file:/etc/passwd}", "write ${env:NAME}"),
        ("${env:a b}", "write ${env:NAME}"),
        ("${env:", "write ${env:NAME}"),
    ],
)
def test_other_references_are_refused_with_what_to_write(errors, value, hint):
    (error,) = errors(f"region: '{value}'\n")
    assert hint in error


def test_no_message_shows_what_the_environment_gave(errors):
    environ = {"TOKEN": "s3cr3t-\\token'with\"quotes", "LONG": "s3cr3t" * 50}
    found = errors(
        """\
        agent: {interval: "${env:TOKEN}", cpu_budget: "${env:LONG}", log_level: "${env:TOKEN}"}
        budget: "${env:TOKEN}"
        timezone: ${env:TOKEN}
        profile: ${env:LONG}
        compression: ${env:TOKEN}
        """,
        environ,
    )
    assert len(found) == 7
    assert "s3cr3t" not in "".join(found)


def test_headers_are_never_shown(errors):
    (error,) = errors("export: [{otlp: {endpoint: 'http://h', headers: {api-key: 123456789}}}]\n")
    assert "text is wanted" in error
    assert "123456789" not in error


def test_headers_that_are_no_table_are_not_shown_either(errors):
    (said,) = errors("export: [{otlp: {endpoint: http://h:4318, headers: 'api-key: hunter2'}}]")
    assert "a table is wanted, not text" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("letter", ["\\n", "\\0", "\u043a"])
def test_a_header_that_http_cannot_carry_is_refused_without_its_value(errors, letter):
    (said,) = errors(
        f'export: [{{otlp: {{endpoint: http://h:4318, headers: {{api-key: "hunter2{letter}"}}}}}}]'
    )
    assert "the header api-key holds a l" in said
    assert "hunter2" not in said


def test_what_the_environment_fills_in_is_bounded(errors):
    lines = "\n".join(f'  k{number}: "${{env:BIG}}"' for number in range(50))
    error = errors(f"resource:\n{lines}\n", {"BIG": "x" * 100_000})[0]
    assert "more than 1 MiB" in error


def test_a_silent_file_sends_where_the_standard_variables_say():
    environ = {
        **ENDPOINT,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=k%3D1,x=y",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "/etc/ca.pem",
        "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop,deployment.environment.name=prod",
    }
    settings = load(None, environ).settings
    (destination,) = settings.export
    otlp = destination.otlp
    assert otlp.url == "http://collector:4318/v1/metrics"
    assert otlp.headers == {"api-key": "k=1", "x": "y"}
    assert (otlp.timeout, otlp.compression, otlp.tls.ca) == (2.5, "gzip", "/etc/ca.pem")
    assert settings.resource == {"service.namespace": "shop", "deployment.environment.name": "prod"}


def test_the_metrics_endpoint_is_used_as_it_stands():
    environ = {**ENDPOINT, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://other:4318/custom"}
    assert load(None, environ).settings.export[0].otlp.url == "http://other:4318/custom"


def test_the_file_beats_the_environment_field_by_field(good):
    environ = {**ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_TIMEOUT": "2500"}
    text = """\
        export: [{otlp: {endpoint: "http://mine:4318", timeout: 7s}}]
        resource: {region: here}
    """
    settings = good(text, {**environ, "OTEL_RESOURCE_ATTRIBUTES": "region=there,zone=a"}).settings
    otlp = settings.export[0].otlp
    assert (otlp.url, otlp.timeout, otlp.headers) == ("http://mine:4318/v1/metrics", 7, {"a": "1"})
    assert settings.resource == {"region": "here", "zone": "a"}


def test_headers_of_the_environment_reach_no_second_destination_with_an_endpoint_of_its_own(good):
    environ = {**ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=k"}
    text = """\
        export:
          - {name: vendor, otlp: {}}
          - {name: local, otlp: {endpoint: "http://127.0.0.1:4318"}}
    """
    vendor, local = good(text, environ).settings.export
    assert vendor.otlp.endpoint == "http://collector:4318"
    assert vendor.otlp.headers == {"api-key": "k"}
    assert local.otlp.headers == {}


def test_a_destination_without_any_endpoint_is_an_error(errors):
    assert errors("export: [{otlp: {timeout: 5s}}]\n") == [
        "1:11: export[0].otlp: `endpoint` is missing; for example http://127.0.0.1:4318"
    ]


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"},
            "ENDPOINT: this endpoint speaks OTLP over gRPC",
        ),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "PROTOCOL: NRDOT sends OTLP over HTTP, not gRPC",
        ),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, "TIMEOUT: not a number of milliseconds above 0"),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS": "s3cr3t"},
            "HEADERS: not of the form key=value,key=value",
        ),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cr3t%0d%0aX-Evil: 1"},
            "HEADERS: the header api-key holds a line break",
        ),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_COMPRESSION": "brotli"}, "COMPRESSION: not gzip, zstd or none"),
        (
            {**ENDPOINT, "OTEL_EXPORTER_OTLP_CLIENT_KEY": "k.pem"},
            "CLIENT_CERTIFICATE: `key` needs `cert` beside it",
        ),
        ({"OTEL_RESOURCE_ATTRIBUTES": "novalue"}, "OTEL_RESOURCE_ATTRIBUTES: not of the form"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(environ, message):
    with pytest.raises(InvalidConfigurationError) as caught:
        load(None, environ)
    assert str(caught.value).startswith("environment: OTEL_")
    assert message in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_general_grpc_protocol_does_not_matter_to_a_file_that_names_its_endpoint(good):
    good("export: [{otlp: {endpoint: 'http://c:4318'}}]\n", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_a_variable_cannot_add_to_the_structure_of_a_config_map(good):
    text = """\
        kind: ConfigMap
        data:
          script.sh: echo ${HOME}
          rules.yaml: |
            region: "${env:REGION}"
    """
    settings = good(text, {"REGION": 'x"\nmode: observe\n#'}).settings
    assert settings.region == 'x"\nmode: observe\n#'
    assert settings.mode == "optimize"


def test_a_variable_is_not_filled_in_twice(good):
    assert good("region: ${env:A}", {"A": "${env:B}", "B": "b"}).settings.region == "${env:B}"
