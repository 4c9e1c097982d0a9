"""What the console's process must not carry."""

from tests.unit.test_light import AWS, HEAVY, loaded_by

OF_FLASK = {"click"}


def test_importing_the_console_loads_nothing_heavy_and_no_aws() -> None:
    loaded = loaded_by("import console.__main__")

    assert "console.app" in loaded
    assert not loaded.intersection({*HEAVY, *AWS} - OF_FLASK)


def test_the_verb_loads_no_console_until_it_runs() -> None:
    assert not loaded_by("import leadline.verbs.console").intersection({"console", "flask", "waitress", "worker"})
