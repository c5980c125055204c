"""The manifests: valid by Kubernetes' own schemas, and true to what the service is."""

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from taskmanager.config.settings import all_variables, load_settings

BASE = Path(__file__).parents[3] / "k8s" / "base"
OVERLAYS = sorted(path.parent for path in BASE.parent.glob("overlays/*/kustomization.yaml"))
KUBERNETES = "1.29"  # the oldest one that the manifests are for
LABELS = {"app.kubernetes.io/name": "task-manager"}


def load(path: Path) -> dict[str, Any]:
    (document,) = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return document


MANIFESTS = {path.stem: load(path) for path in BASE.glob("*.yaml") if path.stem != "kustomization"}
STATEFUL_SET = MANIFESTS["stateful-set"]
POD = STATEFUL_SET["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
CONFIG = MANIFESTS["config-map"]["data"]
EXAMPLE_SECRETS = dict(
    line.split("=", 1)
    for line in (BASE / "secret.example.env").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
NAMES = {variable.name for variable in all_variables()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_is_valid(name: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], KUBERNETES, strict=True)


def test_the_kustomization_lists_every_manifest() -> None:
    assert sorted(load(BASE / "kustomization.yaml")["resources"]) == sorted(f"{name}.yaml" for name in MANIFESTS)


def test_as_many_replicas_as_the_consumers_are_told() -> None:
    assert CONFIG["CONSUMER_REPLICAS"] == str(STATEFUL_SET["spec"]["replicas"])


def test_a_pod_knows_its_ordinal_by_its_name() -> None:
    last = STATEFUL_SET["spec"]["replicas"] - 1
    hostname = f"{STATEFUL_SET['metadata']['name']}-{last}"
    settings = load_settings({"HOSTNAME": hostname, "CONSUMER_REPLICAS": CONFIG["CONSUMER_REPLICAS"]})
    assert settings.app.pod_ordinal == last


def test_the_configuration_is_accepted_by_the_service() -> None:
    settings = load_settings({**CONFIG, "HOSTNAME": "task-manager-1"})
    assert settings.warnings == ()


def test_every_variable_is_known_to_the_service() -> None:
    assert set(CONFIG) <= NAMES
    assert set(EXAMPLE_SECRETS) <= NAMES


def test_secrets_are_only_in_the_secret_and_the_example_has_no_values() -> None:
    secret = {variable.name for variable in all_variables() if variable.secret}
    assert not secret & set(CONFIG)
    assert set(EXAMPLE_SECRETS.values()) == {""}


def test_ports_are_those_of_the_settings() -> None:
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports == {"http": int(CONFIG["APP_PORT"]), "metrics": int(CONFIG["METRICS_PORT"])}


@pytest.mark.parametrize("name", ["service-api", "service-headless"])
def test_services_find_the_pods_and_their_ports(name: str) -> None:
    spec = MANIFESTS[name]["spec"]
    assert spec["selector"] == STATEFUL_SET["spec"]["template"]["metadata"]["labels"] == LABELS
    assert {port["targetPort"] for port in spec["ports"]} <= {port["name"] for port in CONTAINER["ports"]}


def test_the_stateful_set_names_its_headless_service() -> None:
    headless = MANIFESTS["service-headless"]
    assert STATEFUL_SET["spec"]["serviceName"] == headless["metadata"]["name"]
    assert headless["spec"]["clusterIP"] == "None"


def test_the_grace_period_is_longer_than_everything_that_stops_one_after_another() -> None:
    before_stop = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    programs = math.ceil(float(CONFIG["GRACEFUL_SHUTDOWN_TIMEOUT"])) + 2
    guard = 5
    assert POD["terminationGracePeriodSeconds"] > before_stop + programs + guard


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe"])
def test_nothing_is_restarted_because_a_dependency_is_away(probe: str) -> None:
    assert CONTAINER[probe]["httpGet"] == {"path": "/api/health/live", "port": "http"}


def test_readiness_asks_the_dependencies_and_waits_longer_than_they_may_take() -> None:
    probe = CONTAINER["readinessProbe"]
    assert probe["httpGet"]["path"] == "/api/health/ready"
    assert probe["timeoutSeconds"] > load_settings({}).rest.health_check_timeout_ms / 1000


def test_the_pod_meets_the_restricted_standard() -> None:
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    assert MANIFESTS["service-account"]["automountServiceAccountToken"] is False


def test_the_image_has_a_version() -> None:
    _name, _, tag = CONTAINER["image"].partition(":")
    assert tag not in {"", "latest"}


def test_metric_files_of_the_most_processes_fit_into_their_memory() -> None:
    limits = {volume["name"]: volume["emptyDir"].get("sizeLimit") for volume in POD["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in CONTAINER["volumeMounts"]}
    assert limits[mounts["/run/taskmanager"]] == "64Mi"
    processes = 64 + 4  # the most consumers; API, relay, housekeeper, metrics
    mebibytes = processes * 3 * 0.125 * 2  # three files of 128 KiB that may double once
    assert mebibytes < 64


@pytest.mark.parametrize("name", ["pod-disruption-budget", "network-policy"])
def test_policies_are_about_these_pods(name: str) -> None:
    spec = MANIFESTS[name]["spec"]
    assert (spec.get("selector") or spec["podSelector"])["matchLabels"] == LABELS


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_overlays_build_into_valid_manifests_that_agree_with_each_other(overlay: Path, tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: overlays cannot be built")
    copy = tmp_path / "k8s"
    shutil.copytree(BASE.parent, copy)
    built = copy / "overlays" / overlay.name
    shutil.copy(BASE / "secret.example.env", built / "secret.env")
    answer = subprocess.run(["kubectl", "kustomize", built], check=True, capture_output=True, text=True, timeout=60)
    manifests = list(yaml.safe_load_all(answer.stdout))
    by_kind = {manifest["kind"]: manifest for manifest in manifests}
    scaled = by_kind.pop("ScaledObject", None)  # of KEDA, whose schema Kubernetes does not bring along
    for manifest in by_kind.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    most = scaled["spec"]["maxReplicaCount"] if scaled else by_kind["StatefulSet"]["spec"]["replicas"]
    assert by_kind["ConfigMap"]["data"]["CONSUMER_REPLICAS"] == str(most)
    assert ("replicas" in by_kind["StatefulSet"]["spec"]) == (scaled is None)
    pod = by_kind["StatefulSet"]["spec"]["template"]["spec"]
    (secret,) = [source["secretRef"]["name"] for source in pod["containers"][0]["envFrom"] if "secretRef" in source]
    assert secret == by_kind["Secret"]["metadata"]["name"]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_overlays_list_what_they_hold_and_make_a_configuration_that_the_service_accepts(overlay: Path) -> None:
    kustomization = load(overlay / "kustomization.yaml")
    held = {path.name for path in overlay.glob("*.yaml")} - {"kustomization.yaml"}
    assert {resource for resource in kustomization["resources"] if resource.endswith(".yaml")} == held
    assert "../../base" in kustomization["resources"]
    settings = load_settings(overlay_configuration(kustomization))
    assert settings.warnings == ()


def overlay_configuration(kustomization: dict[str, Any]) -> dict[str, str]:
    (generator,) = kustomization["configMapGenerator"]
    return {**CONFIG, **dict(literal.split("=", 1) for literal in generator["literals"])}


def test_autoscaling_follows_the_group_that_the_consumers_are_members_of() -> None:
    overlay = BASE.parent / "overlays" / "autoscaled"
    configuration = overlay_configuration(load(overlay / "kustomization.yaml"))
    spec = load(overlay / "scaled-object.yaml")["spec"]
    settings = load_settings(configuration)
    assert settings.app.consumer_assignment == "group"
    assert settings.app.consumer_replicas == spec["maxReplicaCount"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": STATEFUL_SET["apiVersion"], "kind": "StatefulSet", "name": STATEFUL_SET["metadata"]["name"],
    }  # fmt: skip
    assert {trigger["metadata"]["topic"] for trigger in spec["triggers"]} == set(settings.kafka.source_topics)
    for trigger in spec["triggers"]:
        assert trigger["metadata"]["consumerGroup"] == settings.kafka.group_id
        assert trigger["metadata"]["bootstrapServers"] == settings.kafka.brokers


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_namespaces_of_overlays_are_those_that_they_make() -> None:
    for overlay in OVERLAYS:
        namespace = load(overlay / "namespace.yaml")
        kubernetes_validate.validate(namespace, KUBERNETES, strict=True)
        assert namespace["metadata"]["name"] == load(overlay / "kustomization.yaml")["namespace"]
