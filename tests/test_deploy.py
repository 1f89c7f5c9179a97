"""deploy/: each file is read by its own tool or a parser, and names what the command really does."""

import importlib.util
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.env import DVC_SITE_CACHE_DIR
from jsonschema import validate  # type: ignore[import-untyped]

from pipeline.commands import retrain

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
REFUSED_DATA, REFUSED_MODEL = retrain.CODES["data_check_failed"], retrain.CODES["refused"]
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))  # minute, hour, day, month, day of the week


def load(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def check_cron(words: list[str]) -> None:
    """Five fields of numbers in their ranges, or stars."""
    assert len(words) == 5
    for word, (low, high) in zip(words, FIELDS, strict=True):
        assert word == "*" or all(low <= int(number) <= high for number in word.split(",")), word


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_service_and_the_timer(tmp_path: Path) -> None:
    program = tmp_path / "colibri"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in ("colibri-retrain.service", "colibri-retrain.timer"):
        text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/srv/colibri/.venv/bin/colibri retrain", f"{program} retrain"))
    units = [str(path) for path in sorted(tmp_path.glob("colibri-retrain.*"))]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if "colibri-retrain" in line]
    assert (done.returncode, about_ours) == (0, [])


def test_the_service_repeats_what_another_call_can_mend() -> None:
    text = (DEPLOY / "systemd/colibri-retrain.service").read_text(encoding="utf-8")
    assert f"SuccessExitStatus={REFUSED_MODEL} {retrain.LOCKED}\n" in text
    assert f"RestartPreventExitStatus=2 {REFUSED_DATA}\n" in text


def test_the_crontab_has_one_line_that_calls_it() -> None:
    lines = (DEPLOY / "cron/crontab").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in lines if line and not re.match(r"#|\w+=", line)]
    (job,) = jobs
    check_cron(job.split()[:5])
    assert job.split(maxsplit=5)[5] == "cd /srv/colibri && colibri retrain"


WORKFLOW = {  # of what GitHub documents, the part that this file uses
    "type": "object",
    "required": ["name", "on", "permissions", "concurrency", "jobs"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "on": {
            "type": "object",
            "required": ["schedule"],
            "properties": {"schedule": {"type": "array", "items": {"required": ["cron"]}}, "workflow_dispatch": {}},
            "additionalProperties": False,
        },
        "permissions": {"type": "object", "additionalProperties": {"enum": ["read", "write", "none"]}},
        "concurrency": {"type": "object", "required": ["group"]},
        "jobs": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["runs-on", "steps"],
                "properties": {
                    "steps": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "oneOf": [{"required": ["uses"]}, {"required": ["run"]}],
                            "properties": {
                                "name": {"type": "string"},
                                "if": {"type": "string"},
                                "uses": {"type": "string", "pattern": r"^[\w-]+/[\w-]+(/[\w-]+)?@v\d+$"},
                                "run": {"type": "string"},
                                "with": {"type": "object"},
                            },
                            "additionalProperties": False,
                        },
                    }
                },
            },
        },
    },
}


def test_the_workflow_has_the_form_of_github_and_caches_environment_and_data() -> None:
    workflow = load("github/retrain.yml")
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads the key `on` so
    validate(workflow, WORKFLOW)
    check_cron(workflow["on"]["schedule"][0]["cron"].split())
    steps = workflow["jobs"]["retrain"]["steps"]
    cached = {step["uses"]: step["with"] for step in steps if step.get("uses", "").startswith("actions/cache")}
    assert cached["actions/cache@v4"]["path"] == ".venv"
    restored, saved = cached["actions/cache/restore@v4"], cached["actions/cache/save@v4"]
    assert {".dvc/cache", ".cache/ingest", ".cache/retrain"} == set(saved["path"].split())
    assert saved == {key: restored[key] for key in ("path", "key")}
    assert restored["restore-keys"] == "data-"
    assert (steps[-1]["uses"], steps[-1]["if"]) == ("actions/cache/save@v4", "always()")  # also after an error
    scripts = "\n".join(step["run"] for step in steps if "run" in step)
    assert f'"$code" = {REFUSED_MODEL}' in scripts
    done = subprocess.run(["bash", "-n"], input=scripts, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def read_image() -> list[list[str]]:
    """Word and rest of each line of the Dockerfile."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "kubernetes/Dockerfile").read_text(encoding="utf-8"))
    return [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]


def read_variables() -> dict[str, str]:
    """The environment of the image."""
    return dict(pair.split("=", 1) for word, rest in read_image() if word == "ENV" for pair in rest.split())


def test_the_cronjob_runs_one_at_a_time_and_not_as_root() -> None:
    job = load("kubernetes/cronjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    check_cron(job["spec"]["schedule"].split())
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    inner = job["spec"]["jobTemplate"]["spec"]
    (rule,) = inner["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["values"] == sorted([2, REFUSED_MODEL, REFUSED_DATA])
    pod = inner["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["restartPolicy"] == "Never"  # which a podFailurePolicy needs
    (container,) = pod["containers"]
    assert container["name"] == rule["onExitCodes"]["containerName"]
    assert container["args"] == ["retrain"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounts = [Path(volume["mountPath"]) for volume in container["volumeMounts"]]
    assert Path(read_variables()[DVC_SITE_CACHE_DIR]).parent in mounts  # DVC writes there; by default to /var/tmp
    mounted = {volume["name"] for volume in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_image_has_a_pinned_base_and_a_user() -> None:
    found = read_image()
    words = [word for word, _ in found]
    assert words[0] == "FROM"
    assert set(words) <= {"FROM", "RUN", "ENV", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", found[0][1])
    users = [rest for word, rest in found if word == "USER"]
    pod = load("kubernetes/cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert users == [str(pod["securityContext"]["runAsUser"])]
    assert words.index("USER") > max(place for place, word in enumerate(words) if word == "RUN")
    for source in (one for word, rest in found if word == "COPY" for one in rest.split()[:-1]):
        assert (ROOT / source).exists(), source


def test_the_flow_of_prefect_calls_the_command_as_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the decorator: Prefect has an environment of its own."""
    stand_in = types.ModuleType("prefect")
    stand_in.flow = lambda **options: lambda function: function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "prefect", stand_in)
    spec = importlib.util.spec_from_file_location("colibri_flow", DEPLOY / "prefect/flow.py")
    assert spec is not None
    assert spec.loader is not None
    flow = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(flow)
    assert set(flow.MEANINGS) == {0, retrain.LOCKED, *retrain.CODES.values()}
    program = tmp_path / ".venv/bin/colibri"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$1" > called\nexit $(cat code)\n')
    program.chmod(0o755)
    (tmp_path / "code").write_text(str(REFUSED_MODEL))
    assert flow.retrain(str(tmp_path)) == "the gate refused the new version"
    assert (tmp_path / "called").read_text() == "retrain\n"
    (tmp_path / "code").write_text(str(REFUSED_DATA))
    with pytest.raises(RuntimeError, match="colibri retrain ended with 4: a check refused the data"):
        flow.retrain(str(tmp_path))
    pinned = (DEPLOY / "prefect/requirements.txt").read_text(encoding="utf-8")
    assert re.search(r"^prefect==\d+\.\d+\.\d+$", pinned, flags=re.MULTILINE)


def test_the_stores_listen_on_this_machine_alone(tmp_path: Path) -> None:
    script = DEPLOY / "store/start_store.sh"
    text = script.read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert "host=127.0.0.1\n" in text
    assert "0.0.0.0" not in text
    assert '-ip="$host" -ip.bind="$host"' in text
    assert "listen_addresses=$host" in text
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "name the folder that keeps the data" in done.stderr


def test_the_page_names_every_file() -> None:
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    files = [path.relative_to(ROOT).as_posix() for path in sorted(DEPLOY.rglob("*")) if path.is_file()]
    assert [name for name in files if f"../{name}" not in page and "__pycache__" not in name] == []
