"""The engine that the settings of an agent ask for."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from sagecell_tx.assembly.parallel import engine_supervisor
from sagecell_tx.config import ComputeConfig, ConfigError, EngineSettings, load
from tests.hosts.doubles import ProcessReactor, ThisThread

FACTS = Path("/var/facts.json")
OURS = pwd.getpwuid(os.getuid())


class Reactor(ProcessReactor):
    """A reactor with a thread pool."""

    def getThreadPool(self):  # noqa: N802
        return ThisThread()


def supervisor(settings: EngineSettings, **variables: str):
    config = ComputeConfig(engine=settings, state_dir=Path("/var/lib/compute"))
    return engine_supervisor(config, Reactor(), FACTS, variables)


def test_there_is_no_engine_unless_somebody_asks_for_it():
    assert supervisor(EngineSettings()) is None


def test_the_settings_ask_for_one():
    settings = EngineSettings(connection_file="/etc/engine.json", account=OURS.pw_name)
    made = supervisor(settings, IPP_PROFILE_DIR="/profile")
    assert made.connection_file == Path("/etc/engine.json")
    assert made.facts_file == FACTS
    assert made.directory == Path("/var/lib/compute/engine")
    assert made.account == ((OURS.pw_uid, OURS.pw_gid) if os.getuid() == 0 else None)


def test_a_launcher_asks_for_one_with_a_path_below_its_working_directory():
    settings = EngineSettings(account=OURS.pw_name)
    made = supervisor(settings, IPP_PROFILE_DIR=".ipython/profile_x", IPP_CLUSTER_ID="")
    file = Path(".ipython/profile_x/security/ipcontroller-engine.json")
    assert made.connection_file == Path.cwd() / file


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run an engine under another account")
def test_an_account_that_does_not_exist():
    settings = EngineSettings(connection_file="engine.json", account="nobody-of-this-name")
    with pytest.raises(ConfigError, match=r"engine\.account: there is no account 'nobody-of-"):
        supervisor(settings)


def test_the_settings_file_has_a_table_for_it(tmp_path):
    file = tmp_path / "compute.toml"
    file.write_text('[engine]\nconnection_file = "/etc/engine.json"\n')
    config = ComputeConfig(**load(file, ComputeConfig))
    assert config.engine == EngineSettings(connection_file="/etc/engine.json")
    file.write_text("[engine]\nconnection = 1\n")
    with pytest.raises(ConfigError, match=r"did you mean 'engine\.connection_file'"):
        load(file, ComputeConfig)
